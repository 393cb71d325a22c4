import { SafetensorsError } from "../../../src/base/errors.js";
import {
  LENGTH_BYTES,
  parseHeader,
  parseHeaderLength,
  serializeHeader,
} from "../../../src/safetensors/header.js";
import { must, type Target } from "../target.js";

/** A whole file in memory: what is read tiles it exactly, and survives being written again. */
export const safetensors: Target = {
  kind: "bytes",
  fixtures: [],
  words: [
    '{"',
    '":',
    "[0,",
    "],",
    '"dtype"',
    '"shape"',
    '"data_offsets"',
    '"__metadata__"',
    '"F32"',
    '"I64"',
    "-",
    "e9",
  ],
  refusals: [SafetensorsError],
  check(file) {
    const length = parseHeaderLength(file.subarray(0, LENGTH_BYTES), file.length, "fuzz");
    const header = parseHeader(file.subarray(LENGTH_BYTES, LENGTH_BYTES + length), file.length, "fuzz");
    const bytes = [...header.tensors.values()].reduce(
      (sum, { data_offsets: [from, to] }) => sum + to - from,
      0,
    );
    must(header.dataStart + bytes === file.length, "tensors fill the file");
    const again = serializeHeader(header.tensors, header.metadata);
    const reparsed = parseHeader(again.subarray(LENGTH_BYTES), again.length + bytes, "again");
    must(
      JSON.stringify([...reparsed.tensors]) === JSON.stringify([...header.tensors]),
      "what is written again is what was read",
    );
  },
};
