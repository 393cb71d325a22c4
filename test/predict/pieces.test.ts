import { describe, expect, test } from "vitest";
import { piecesOf } from "../../src/predict/pieces.js";
import type { AlignedTokens } from "../../src/runtime/text-tokenizer.js";

const [HEAD, TAIL] = [-1, -1];

/** A text, or two, with a special token at either end and one between. */
function tokens(first: number, second?: number): AlignedTokens {
  const pair = second === undefined ? [] : [-1, ...new Array<number>(second).fill(1)];
  const sources = [HEAD, ...new Array<number>(first).fill(0), ...pair, TAIL];
  const zeros = sources.map(() => 0);
  return {
    ids: [...sources.keys()],
    // As BERT's tokenizer has it: the separator belongs to the first text.
    types: sources.map((_, i) => Number(second !== undefined && i > first + 1)),
    ...{ sources, starts: zeros, ends: zeros, words: zeros, continues: zeros.map(() => false) },
  };
}

const MAX = 16;

describe("chunks", () => {
  test("hold every token, each owned by a piece that has it, and none is longer than the model reads", () => {
    for (let first = 1; first < 90; first++) {
      for (const second of [undefined, 0, 1, 3, 5, 8, 40]) {
        const given = tokens(first, second);
        const { pieces, owners } = piecesOf(given, second !== undefined, {
          maxLength: MAX,
          reading: "chunks",
        });
        expect(Math.max(...pieces.map(({ places }) => places.length))).toBeLessThanOrEqual(MAX);
        expect(owners.length).toBe(given.ids.length);
        const lost = [...owners.keys()].filter((i) => !pieces[owners[i] ?? -1]?.places.includes(i));
        expect(lost).toEqual([]);
        for (const { places } of pieces) expect(places).toEqual(places.toSorted((a, b) => a - b));
      }
    }
  });
});

describe("cutting", () => {
  const kept = (first: number, second?: number) => {
    const given = tokens(first, second);
    const { pieces } = piecesOf(given, second !== undefined, { maxLength: MAX, reading: "cut" });
    const places = pieces[0]?.places ?? [];
    const count = (source: number) => places.filter((i) => given.sources[i] === source).length;
    return [count(0), count(1), count(-1)];
  };

  test("takes a text's beginning", () => {
    expect(kept(14)).toEqual([14, 0, 2]);
    expect(kept(100)).toEqual([14, 0, 2]);
  });

  test("shortens the longer of two texts, as the tokenizers library does", () => {
    expect(kept(3, 100)).toEqual([3, 10, 3]);
    expect(kept(100, 3)).toEqual([10, 3, 3]);
    expect(kept(100, 100)).toEqual([6, 7, 3]);
  });
});
