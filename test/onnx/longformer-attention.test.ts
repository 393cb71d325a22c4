import { describe, expect, it } from "vitest";
import { ATTENTION_INPUTS } from "../../src/onnx/functions/attend.js";
import {
  type LongformerAttentionOptions,
  longformerAttention,
} from "../../src/onnx/functions/longformer-attention.js";
import { fullAttentionByDefinition } from "../../src/verify/definition/full.js";
import {
  type LongformerProblem,
  longformerAttentionByDefinition,
} from "../../src/verify/definition/longformer.js";
import { HEADS, raggedMasks, relativeError, rightPadded, TOLERANCE } from "./attention-cases.js";
import { longformerProblem, openLongformer, runLongformer } from "./longformer-cases.js";

const UNDILATED = [1, 1, 1];

/** Where edges of windows, blocks of 32 queries, the branches and vector registers show up. */
function hostileLengths(window: number): number[] {
  const windows = [1, window - 1, window, window + 1, window + 2, 2 * window, 2 * window + 1, 2 * window + 2];
  const blocks = [3 * window + 5, 2 * window + 32, 2 * window + 33, 64, 65, 96, 97, 131];
  return [...new Set([...windows, ...blocks])].filter((length) => length > 0);
}

function rows(length: number, isGlobal: (i: number, row: number) => boolean): number[][] {
  return [0, 1, 2].map((row) => Array.from({ length }, (_, i) => (isGlobal(i, row) ? 1 : 0)));
}

const NO_GLOBALS = (length: number) => rows(length, () => false);
const SCATTERED = (length: number) => rows(length, (i, row) => (i * 7 + row) % 11 === 3);

/** Global masks of three rows. */
const GLOBALS: Record<string, (length: number) => number[][]> = {
  "no token": NO_GLOBALS,
  "the first token": (length) => rows(length, (i) => i === 0),
  "scattered tokens": SCATTERED,
  "none, one and many": (length) =>
    rows(length, (i, row) => (row === 1 ? i === length >> 1 : row === 2 && i % 3 === 1)),
  "neighbours and the end": (length) => rows(length, (i) => i >= length - 4 || (i > 9 && i < 20)),
  "all tokens": (length) => rows(length, () => true),
  "the last token, which most rows hide": (length) => rows(length, (i) => i === length - 1),
};

describe.each(Object.entries(GLOBALS))("global: %s", (_, globalMasks) => {
  it.each([
    { window: 1, dilation: UNDILATED },
    { window: 4, dilation: UNDILATED },
    { window: 40, dilation: UNDILATED },
    { window: 4, dilation: [1, 2, 3] },
    { window: 3, dilation: [3, 1, 3] },
    { window: 5, dilation: [2, 2, 2] },
  ])("computes its definition at every length: window $window, dilation $dilation", async (sizes) => {
    const session = await openLongformer(sizes);
    for (const length of hostileLengths(sizes.window)) {
      const problem = longformerProblem(raggedMasks(length), globalMasks(length), length);
      const expected = longformerAttentionByDefinition(problem, sizes);
      const actual = await runLongformer(session, problem);
      expect(relativeError(actual, expected), `length ${length}`).toBeLessThan(TOLERANCE);
    }
  });
});

it.each([[UNDILATED], [[2, 1, 3]]])(
  "computes its definition without inputs for global tokens: dilation %s",
  async (dilation) => {
    const sizes = { window: 4, dilation };
    expect(longformerAttention({ ...HEADS, ...sizes, globals: false }).proto.input).toEqual(ATTENTION_INPUTS);
    const session = await openLongformer({ ...sizes, globals: false });
    for (const length of hostileLengths(sizes.window)) {
      const problem = longformerProblem(raggedMasks(length), NO_GLOBALS(length), length);
      const expected = longformerAttentionByDefinition(problem, sizes);
      const actual = await runLongformer(session, problem);
      expect(relativeError(actual, expected), `length ${length}`).toBeLessThan(TOLERANCE);
    }
  },
);

it("keeps heads of several dilations in their order", async () => {
  // As wide as three heads of four. Three heads could not tell an order from its inverse.
  const heads = { numHeads: 6, headDim: 2 };
  const sizes = { window: 3, dilation: [1, 2, 3, 1, 2, 5] };
  const session = await openLongformer({ ...sizes, heads });
  for (const length of [30, 97]) {
    const problem = { ...longformerProblem(raggedMasks(length), SCATTERED(length)), ...heads };
    const expected = longformerAttentionByDefinition(problem, sizes);
    expect(relativeError(await runLongformer(session, problem), expected)).toBeLessThan(TOLERANCE);
  }
});

it("is full attention up to window + 1 tokens, and no longer", () => {
  const errorAt = (length: number) => {
    const problem = longformerProblem(raggedMasks(length), NO_GLOBALS(length));
    const windowed = longformerAttentionByDefinition(problem, { window: 5, dilation: UNDILATED });
    return relativeError(
      windowed.map((x, i) => (problem.mask[Math.floor(i / 12)] ? x : 0)),
      fullAttentionByDefinition(problem, false).map((x, i) => (problem.mask[Math.floor(i / 12)] ? x : 0)),
    );
  };
  for (let length = 1; length <= 6; length++) expect(errorAt(length)).toBeLessThan(1e-12);
  expect(errorAt(7)).toBeGreaterThan(1e-3);
});

it("gives a row the same result alone, in a batch and behind more padding", async () => {
  const sizes = { window: 6, dilation: [1, 1, 2] };
  const session = await openLongformer(sizes);
  for (const own of [5, 30, 50, 90]) {
    const globalMask = SCATTERED(own)[0] ?? [];
    const alone = longformerProblem([rightPadded(own, own)], [globalMask]);
    const expected = await runLongformer(session, alone);
    for (const length of [own + 1, own + 40]) {
      const other = longformerProblem(
        [rightPadded(own, length), rightPadded(length, length)],
        [[...globalMask, ...rightPadded(3, length - own)], rightPadded(length >> 1, length)],
        99,
      );
      const actual = await runLongformer(session, startingWith(alone, other));
      expect(relativeError(actual.slice(0, expected.length), expected), `${own} of ${length}`).toBeLessThan(
        TOLERANCE,
      );
    }
  }
});

it("is as exact with scores of a hundred and more", async () => {
  const sizes = { window: 4, dilation: UNDILATED };
  const session = await openLongformer(sizes);
  for (const length of [30, 97]) {
    const problem = longformerProblem(raggedMasks(length), SCATTERED(length));
    const hotter = (x: ArrayLike<number>) => Array.from(x, (q) => 60 * q);
    const hot: LongformerProblem = {
      ...problem,
      query: hotter(problem.query),
      global: { ...problem.global, query: hotter(problem.global.query) },
    };
    const expected = longformerAttentionByDefinition(hot, sizes);
    // Scores of 200 are rounded in their sixth digit, and the exponential makes that an error of 1e-5.
    expect(relativeError(await runLongformer(session, hot), expected)).toBeLessThan(10 * TOLERANCE);
  }
});

it("computes the same in half precision", async () => {
  const sizes = { window: 4, dilation: [1, 2, 1] };
  const session = await openLongformer({ ...sizes, dtype: "F16" });
  for (const length of [30, 97]) {
    const problem = longformerProblem(raggedMasks(length), SCATTERED(length));
    const expected = longformerAttentionByDefinition(problem, sizes);
    // Ten bits of fraction.
    expect(relativeError(await runLongformer(session, problem, "F16"), expected)).toBeLessThan(0.01);
  }
});

it("stays finite where every token is hidden", async () => {
  const session = await openLongformer({ window: 4, dilation: [1, 2, 1] });
  for (const length of [1, 30, 97]) {
    const masks = [rightPadded(0, length), rightPadded(1, length)];
    const problem = longformerProblem(masks, [rightPadded(length, length), rightPadded(0, length)]);
    const context = await runLongformer(session, problem);
    expect(context.every(Number.isFinite), `length ${length}`).toBe(true);
  }
});

it("has one name for one body", () => {
  const name = (options: Partial<LongformerAttentionOptions>) =>
    longformerAttention({ ...HEADS, window: 4, dilation: UNDILATED, globals: true, ...options }).name;
  expect(name({})).toBe("LongformerAttention8");
  expect(name({ dilation: [1] })).toBe("LongformerAttention8");
  expect(name({ window: 256 })).toBe("LongformerAttention512");
  expect(name({ dilation: [2, 2, 2] })).toBe("LongformerAttention8Dilation2");
  expect(name({ dilation: [1, 1, 12] })).toBe("LongformerAttention8Dilation1_1_12");
});

it.each([
  { window: 0 },
  { window: 1.5 },
  { dilation: [2] },
  { dilation: [1, 2] },
  { dilation: [1, 0, 1] },
  { dilation: [1, 1.5, 1] },
])("refuses sizes that are none: %o", (options) => {
  const all = { ...HEADS, window: 4, dilation: UNDILATED, globals: true, ...options };
  expect(() => longformerAttention(all)).toThrow(/expected a positive integer/);
});

/** The rows of `other`, the first of which begins as the only row of `own`. */
function startingWith(own: LongformerProblem, other: LongformerProblem): LongformerProblem {
  const begin = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(b, (x, i) => a[i] ?? x);
  const tensors = (a: LongformerProblem["global"], b: LongformerProblem["global"]) => ({
    query: begin(a.query, b.query),
    key: begin(a.key, b.key),
    value: begin(a.value, b.value),
  });
  return { ...other, ...tensors(own, other), global: tensors(own.global, other.global) };
}
