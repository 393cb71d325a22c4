import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import { sentencePieces } from "../../src/tokenizer/sentencepiece.js";

const model = (...bytes: number[]) => [...sentencePieces(Buffer.from(bytes), "spiece.model")];

describe("sentencePieces", () => {
  it("lists the pieces of a model that sentencepiece trained", () => {
    const fixture = new URL("../../fixtures/tokenizers/albert/vocabulary/spiece.model", import.meta.url);
    const pieces = [...sentencePieces(readFileSync(fixture), "spiece.model")];
    expect(pieces.slice(0, 6)).toEqual(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "▁"]);
    expect(new Set(pieces).size).toBe(pieces.length);
  });

  it("passes over every other field, whatever its wire type", () => {
    const piece = [0x0a, 0x07, 0x0a, 0x01, 0x61, 0x18, 0x03, 0x20, 0x01];
    const varint = [0x10, 0xac, 0x02];
    const fixed64 = [0x19, 1, 2, 3, 4, 5, 6, 7, 8];
    const fixed32 = [0x25, 1, 2, 3, 4];
    const other = [0x12, 0x02, 0x0a, 0x00];
    expect(model(...varint, ...piece, ...fixed64, ...other, ...fixed32, ...piece)).toEqual(["a", "a"]);
  });

  it("counts a piece without a text, so that those behind it keep their index", () => {
    expect(model(0x0a, 0x00, 0x0a, 0x03, 0x0a, 0x01, 0x61)).toEqual(["", "a"]);
  });

  it.each([
    ["a field that goes on behind the end", [0x0a, 0x05, 0x0a], "the field at byte 0 goes on behind the end"],
    ["a length of 2^63", [0x0a, ...Array(8).fill(0xff), 0x7f], "the field at byte 0 goes on behind the end"],
    ["a cut tag", [0x8a], "no varint at byte 0"],
    ["a cut length", [0x0a, 0x80], "no varint at byte 1"],
    ["a varint without an end", [0x10, ...Array(11).fill(0x80)], "no varint at byte 1"],
    ["a cut number", [0x25, 1, 2], "the field at byte 0 goes on behind the end"],
    ["a group", [0x0b], "wire type 3 at byte 0"],
    ["a piece that is no message", [0x0a, 0x01, 0xff], "no varint at byte 0"],
  ])("refuses %s", (_crime, bytes, message) => {
    expect(() => model(...bytes)).toThrow(
      new CheckpointError(`spiece.model is not a sentencepiece model: ${message}`),
    );
  });
});
