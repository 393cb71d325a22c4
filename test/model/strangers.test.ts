import { expect, test } from "vitest";
import { groupNames } from "../../src/model/strangers.js";

test("names of modules stand for their tensors, and a model cannot fill a log with them", () => {
  expect(groupNames(["a.0.b.weight", "a.1.b.weight", "a.1.b.bias", "c"])).toBe("a.*.b (3 tensors), c");
  const names = Array.from({ length: 200_000 }, (_, i) => `x${i}.y`);
  expect(groupNames(names)).toMatch(/^x0\.y, .*, x59\.y and 199940 more$/);
});
