import { join } from "node:path";
import { expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { verify } from "../../src/commands/verify.js";
import { parseConvertOptions, parseVerifyOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";

const RUN_ON_THE_DEVICE = [
  "attention-op",
  "lossless",
  "lossless-head",
  "sweep",
  "reach",
  "predictions",
  "graph",
  "device",
];

test("a sound conversion is sound on WebGPU, which runs most of its nodes", {
  timeout: 300_000,
}, async () => {
  const output = join(await temporaryFolder(), "converted");
  const against = "fixtures/roberta/checkpoint";
  await convert(against, output, parseConvertOptions({ onnx: true, blockSize: 32, maxSequenceLength: 520 }));
  const options = parseVerifyOptions({ against, device: "webgpu", lengths: "1,33,65,101" });
  const { checks, device } = await verify(output, options);

  expect(device?.name).toBe("webgpu");
  expect(checks.filter(({ verdict }) => verdict === "fail")).toEqual([]);
  const passed = checks.filter(({ verdict }) => verdict === "pass").map(({ id }) => id);
  expect(passed).toEqual(expect.arrayContaining(RUN_ON_THE_DEVICE));
  const nodes = checks.find(({ id }) => id === "nodes");
  expect(nodes?.detail).toMatch(/^WebGpu ran [\d.]+ %, CPU ran [\d.]+ % of \d+ nodes$/);
  expect(nodes?.figure?.value).toBeGreaterThan(0.5);
});
