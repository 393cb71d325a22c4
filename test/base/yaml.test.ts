import { expect, test } from "vitest";
import { yamlDocument } from "../../src/base/yaml.js";

test.each([
  ["a document", "a: [1, {b: &x c}]\nd: *x\n", []],
  ["a key that repeats, wherever it stands", "a:\n- {b: 1, b: 2}\n", ["DUPLICATE_KEY"]],
  ["an alias of nothing", "a: *b\n", ["BAD_ALIAS"]],
  ["an alias before its anchor", "a: *b\nc: &b 1\n", ["BAD_ALIAS"]],
  ["as many levels as JSON has", `a: ${"[".repeat(127)}${"]".repeat(127)}`, []],
  ["more than anybody writes", `a: ${"[".repeat(400)}${"]".repeat(400)}`, ["RESOURCE_EXHAUSTION"]],
  ["more, without an end", `a: ${"[".repeat(5000)}`, ["RESOURCE_EXHAUSTION"]],
  ["more than a stack holds", "- ".repeat(100_000), ["RESOURCE_EXHAUSTION"]],
])("%s", (_, text, codes) => {
  expect([...new Set(yamlDocument(text).errors.map(({ code }) => code))]).toEqual(codes);
});

test("what has no faults can be written again", () => {
  const document = yamlDocument("# kept\na: &x [1, 2] # kept too\nb: *x\n");
  expect(document.toString()).toBe("# kept\na: &x [ 1, 2 ] # kept too\nb: *x\n");
});
