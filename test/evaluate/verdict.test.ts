import { expect, test } from "vitest";
import { plusMinus } from "../../src/evaluate/interval-text.js";
import { type VerdictInput, verdictSentence } from "../../src/evaluate/verdict.js";

/** Ways to read with their figures, and how far half an interval of a difference reaches. */
function input(values: Readonly<Record<string, number>>, half: number, more: Partial<VerdictInput> = {}) {
  const systems = Object.entries(values).map(([name, value]) => ({ name, value }));
  const differences = systems.flatMap(({ value }, of) =>
    systems.slice(0, of).map((other, to) => {
      const difference = value - other.value;
      return {
        ...{ of, to, isDecided: Math.abs(difference) > half },
        interval: { value: difference, low: difference - half, high: difference + half },
      };
    }),
  );
  const rest = { better: "higher", metric: "accuracy", units: 143, noun: "document", border: 512 } as const;
  return verdictSentence({ systems, differences, ...rest, ...more });
}

test("the best against cutting, then the others against the best", () => {
  expect(input({ cut: 0.61, windows: 0.82, lsg: 0.8 }, 0.06)).toBe(
    "On 143 documents of more than 512 tokens, by accuracy: windows beat cutting by .21 ± .06; " +
      "lsg does not differ from windows (−.02 ± .06).",
  );
});

test("what the intervals do not decide is not claimed", () => {
  expect(input({ cut: 0.8, chunks: 0.79, windows: 0.82 }, 0.06)).toBe(
    "On 143 documents of more than 512 tokens, by accuracy: windows do not differ from cutting (+.02 ± .06); " +
      "chunks do not differ from windows (−.03 ± .06).",
  );
});

test("cutting may be the best", () => {
  expect(input({ cut: 0.9, lsg: 0.7 }, 0.06)).toBe(
    "On 143 documents of more than 512 tokens, by accuracy: nothing beats cutting; lsg is worse than cutting by .20 ± .06.",
  );
});

test("a loss is better where it is lower, and has its unit", () => {
  expect(
    input({ chunks: 3.2, windows: 3.171 }, 0.006, {
      better: "lower",
      unit: "nats",
      metric: "loss",
      units: 1 + 9,
    }),
  ).toBe(
    "On 10 documents of more than 512 tokens, by loss: chunks are worse than windows by .029 ± .006 nats.",
  );
});

test("too few to tell, and no source", () => {
  expect(input({ cut: 0.2, windows: 0.9 }, 0.1, { units: 9 })).toBe(
    "There are only 9 documents of more than 512 tokens: too few to tell the ways apart.",
  );
  expect(
    input({ lsg: 0.5, "lsg q8": 0.5 }, 0, { border: 0, noun: "query", lengthOf: "with documents" }),
  ).toBe("On 143 queries, by accuracy: lsg q8 does not differ from lsg (+.00 ± .00).");
});

test("as many digits as an interval has meaning for", () => {
  expect([
    plusMinus(0.2134, 0.0612),
    plusMinus(0.02934, 0.0058),
    plusMinus(1.5, 0.31),
    plusMinus(0, 0),
  ]).toEqual([".21 ± .06", ".029 ± .006", "1.50 ± .31", ".00 ± .00"]);
});
