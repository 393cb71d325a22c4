import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { readSafetensors } from "../support/safetensors.js";
import { type Damage, flipBit, put, remove, takenFrom } from "./damage.js";
import { convertedSmallBert, testCrimes } from "./support.js";

keepTokenizers();

const Q8 = "onnx/model_quantized.onnx";
const FP16 = "onnx/model_fp16.onnx";
const Q4 = "onnx/model_q4.onnx";
const given = { onnx: "fp16,q8,q4" };

/** Multiplies what float32 numbers of the checkpoint have become in a graph: the bias of the last norm. */
const shiftedNorm: Damage = (folder) => {
  const tensors = readSafetensors(join(folder, "model.safetensors"));
  const [, last] =
    [...tensors].filter(([name]) => /layer\.\d+\.output\.LayerNorm\.weight$/.test(name)).at(-1) ?? [];
  const content = readFileSync(join(folder, Q8));
  const at = last ? content.indexOf(last.bytes) : -1;
  if (!last || at < 0) throw new Error(`${Q8} does not hold the last norm`);
  for (let i = 0; i < last.bytes.length; i += 4) {
    content.writeFloatLE(content.readFloatLE(at + i) * (i % 8 === 0 ? -1 : 2), at + i);
  }
  writeFileSync(join(folder, Q8), content);
};

describe("graphs in other dtypes than float32", () => {
  testCrimes(convertedSmallBert({}, given), {
    "one of which is missing": {
      damage: remove(Q8),
      fails: ["graph-q8"],
      where: "graph-q8",
      says: /the conversion was to write a graph; found none/,
    },
    "one of which is changed in one bit": {
      damage: flipBit(Q4, -4),
      fails: ["graph-bytes-q4"],
      says: /onnx\/model_q4\.onnx differs from byte \d+ on/,
    },
    "one of which turns its outputs": {
      damage: shiftedNorm,
      fails: ["graph-bytes-q8", "graph-q8"],
      where: "graph-q8",
      says: /1 − cosine \S+ at \d+ tokens?, allowed 0\.05/,
    },
    "one of which is another model's": {
      damage: takenFrom(convertedSmallBert({ seed: 2 }, given), FP16),
      fails: ["graph-bytes-fp16", "graph-fp16"],
      where: "graph-fp16",
      says: /1 − cosine \S+ at \d+ tokens?, allowed 0\.001/,
    },
    "one of which is no graph": {
      damage: put(Q4, "nonsense"),
      fails: ["graph-bytes-q4", "graph-op-q4", "graph-q4"],
      where: "graph-op-q4",
      says: /onnx\/model_q4\.onnx is no ONNX graph/,
    },
  });
});
