import { expect, test } from "vitest";
import { centredPieces } from "../../src/evaluate/centred.js";
import type { AlignedTokens } from "../../src/runtime/text-tokenizer.js";

/** So many tokens, of which the first and the last are special. */
function tokens(length: number): AlignedTokens {
  const sources = Array.from({ length }, (_, i) => (i === 0 || i === length - 1 ? -1 : 0));
  const none = sources.map(() => 0);
  return { sources, ids: none, types: none, starts: none, ends: none, words: none, continues: [] };
}

test("a token's own window has it in the middle, as far as the ends allow", () => {
  const { pieces, owners } = centredPieces(tokens(40), 12, [1, 20, 38]);
  expect(pieces.map(({ places }) => places)).toEqual([
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 39],
    [0, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 39],
    [0, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39],
  ]);
  expect([owners[1], owners[20], owners[38], owners[2]]).toEqual([0, 1, 2, -1]);
});

test("a row that is read at once has one window, which is itself", () => {
  const { pieces, owners } = centredPieces(tokens(12), 12, [3]);
  expect(pieces.map(({ places }) => places)).toEqual([[...Array(12).keys()]]);
  expect([...owners]).toEqual(Array(12).fill(0));
});
