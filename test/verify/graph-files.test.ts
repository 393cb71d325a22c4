import { expect, test } from "vitest";
import type { FileSource } from "../../src/checkpoint/file-source.js";
import { graphFiles } from "../../src/checkpoint/graph-files.js";

const FOUR = [
  "encoder_model.onnx",
  "decoder_model.onnx",
  "decoder_with_past_model.onnx",
  "decoder_model_merged.onnx",
];
const inOnnx = (files: readonly string[]) => files.map((file) => `onnx/${file}`);

function filesOf(paths: readonly string[], mayGenerate = true): string[] {
  const files = new Map(paths.map((path) => [path, { size: 1 }]));
  return graphFiles({ files } as unknown as FileSource, mayGenerate, "fp32");
}

test.each<[string, readonly string[], readonly string[]]>([
  ["one graph", ["onnx/model.onnx", "config.json"], ["onnx/model.onnx"]],
  ["its data too", ["onnx/model.onnx_data", "onnx/model.onnx"], ["onnx/model.onnx", "onnx/model.onnx_data"]],
  ["four, in the order of an export", inOnnx(FOUR.toReversed()), inOnnx(FOUR)],
  ["the top's before those of onnx/", ["onnx/model.onnx", ...FOUR], FOUR],
  ["all four rather than a left-over one", inOnnx([...FOUR, "model.onnx"]), inOnnx(FOUR)],
  ["one rather than some of four", inOnnx([...FOUR.slice(1), "model.onnx"]), ["onnx/model.onnx"]],
  ["some of four", inOnnx(FOUR.slice(2)), inOnnx(FOUR.slice(2))],
  ["no data without its graph", ["onnx/model.onnx_data"], []],
  ["no other graphs", ["onnx/model_fp16.onnx", "other/model.onnx"], []],
])("a folder's export is %s", (_, files, expected) => {
  expect(filesOf(files)).toEqual(expected);
});

test("a model that does not generate has one graph", () => {
  expect(filesOf(inOnnx(FOUR), false)).toEqual([]);
  expect(filesOf(inOnnx([...FOUR, "model.onnx"]), false)).toEqual(["onnx/model.onnx"]);
});
