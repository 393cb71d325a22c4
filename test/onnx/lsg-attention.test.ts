import { describe, expect, it } from "vitest";
import { type LsgConfig, SPARSITY_TYPES } from "../../src/attention/lsg-config.js";
import { prependedTokens } from "../../src/onnx/functions/lsg-inputs.js";
import { lsgAttentionByDefinition } from "../../src/verify/definition/lsg.js";
import {
  leftPadded,
  lsgConfig,
  openLsg,
  problemOf,
  raggedMasks,
  relativeError,
  rightPadded,
  run,
  SEED,
  TOLERANCE,
} from "./attention-cases.js";

const BLOCK = 8;
/** Where block edges, the branch and a last block of one token show up. */
const LENGTHS = [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK + 5, 61, 64];

const CONFIGS: Record<string, Partial<LsgConfig>> = {
  "no sparsity": {},
  norm: { sparsity_type: "norm" },
  "norm, sparse blocks larger than blocks": {
    sparsity_type: "norm",
    sparse_block_size: 14,
    sparsity_factor: 2,
  },
  "norm, sparse blocks smaller than blocks": {
    sparsity_type: "norm",
    block_size: 16,
    sparse_block_size: 4,
    sparsity_factor: 4,
  },
  "norm, factor 4": { sparsity_type: "norm", sparsity_factor: 4 },
  pooling: { sparsity_type: "pooling" },
  "pooling, factor 4": { sparsity_type: "pooling", sparsity_factor: 4, sparse_block_size: 6 },
  stride: { sparsity_type: "stride" },
  "stride, factor 4": { sparsity_type: "stride", sparsity_factor: 4, sparse_block_size: 5 },
  block_stride: { sparsity_type: "block_stride" },
  "block_stride, factor 4": { sparsity_type: "block_stride", sparsity_factor: 4, sparse_block_size: 12 },
  bos_pooling: { sparsity_type: "bos_pooling" },
  "bos_pooling, factor 4": { sparsity_type: "bos_pooling", sparsity_factor: 4, sparse_block_size: 3 },
  lsh: { sparsity_type: "lsh" },
  "lsh, three rounds before": { sparsity_type: "lsh", lsh_num_pre_rounds: 3, sparsity_factor: 4 },
  "lsh, no round before": { sparsity_type: "lsh", lsh_num_pre_rounds: 0 },
  "lsh with one bucket": { sparsity_type: "lsh", sparsity_factor: 4, sparse_block_size: 4 },
  "every key": { sparsity_type: "norm", sparsity_factor: 1, sparse_block_size: 11 },
  "sparsity_factor 0": { sparsity_type: "norm", sparsity_factor: 0 },
  "sparse_block_size 0": { sparsity_type: "norm", sparse_block_size: 0 },
  "odd blocks": { block_size: 5 },
  "blocks of one": { block_size: 1 },
  "2 globals": { sparsity_type: "norm", num_global_tokens: 2 },
  "7 globals": { sparsity_type: "bos_pooling", num_global_tokens: 7 },
  "512 globals": { sparsity_type: "stride", num_global_tokens: 512 },
  "first token masked": { sparsity_type: "norm", mask_first_token: true },
  "first token masked, bos_pooling": { sparsity_type: "bos_pooling", mask_first_token: true },
  "first token global": { first_token_is_global: true },
  "first token global, 7 globals": {
    first_token_is_global: true,
    num_global_tokens: 7,
    sparsity_type: "pooling",
  },
  "first token global, scaled": { first_token_is_global: true, global_scaling_length: 2 * BLOCK },
  "2 globals, scaled beyond 20": { num_global_tokens: 2, sparsity_type: "norm", global_scaling_length: 20 },
  "first token masked, scaled, bos_pooling": {
    sparsity_type: "bos_pooling",
    mask_first_token: true,
    global_scaling_length: 2 * BLOCK,
  },
  ...Object.fromEntries(
    (["norm", "pooling", "stride", "block_stride", "bos_pooling", "lsh"] as const).map((sparsity_type) => [
      `first token global, ${sparsity_type}`,
      { first_token_is_global: true, sparsity_type },
    ]),
  ),
};

describe.each(Object.entries(CONFIGS))("%s", (_, overrides) => {
  const config = lsgConfig(overrides);
  const prepended = prependedTokens(config);
  const opened = openLsg(config);
  // The definition takes long for many globals: each of them sees everything.
  const lengths = prepended > 100 ? LENGTHS.slice(-3) : LENGTHS;

  it("computes its definition at every length, ragged rows padded on either side", async () => {
    const session = await opened;
    for (const length of lengths) {
      const problem = problemOf(raggedMasks(length), prepended, length);
      const expected = lsgAttentionByDefinition(problem, { config, causal: false, seed: SEED });
      expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(
        TOLERANCE,
      );
    }
  });

  it("gives a row the same result alone, in a batch and behind more padding", async () => {
    const session = await opened;
    const width = config.block_size * 3;
    for (const own of [config.block_size, 2 * config.block_size, 2 * config.block_size + 3, width]) {
      const alone = problemOf([rightPadded(own, own)], prepended);
      const expected = await run(session, alone);
      for (const length of [own + 1, own + width, own + width + 7]) {
        const padded = padTo(alone, length + prepended, own);
        const actual = (await run(session, padded)).slice(0, expected.length);
        expect(relativeError(actual, expected), `${own} of ${length}`).toBeLessThan(TOLERANCE);
      }
    }
  });
});

describe("causal", () => {
  it.each(SPARSITY_TYPES)("sees nothing that comes later (%s)", async (sparsity_type) => {
    const config = lsgConfig({ first_token_is_global: true, sparsity_type });
    const session = await openLsg(config, { causal: true });
    for (const length of LENGTHS) {
      const masks = [rightPadded(length, length), rightPadded(Math.ceil(length / 2), length)];
      const problem = problemOf(masks, 0, length);
      const expected = lsgAttentionByDefinition(problem, { config, causal: true, seed: SEED });
      expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(
        TOLERANCE,
      );
    }
  });

  it("has global tokens that see themselves alone, however their scores are scaled", async () => {
    const session = await openLsg(lsgConfig({ first_token_is_global: true }), { causal: true });
    const scaled = lsgConfig({ first_token_is_global: true, global_scaling_length: 2 * BLOCK });
    const problem = problemOf([rightPadded(61, 61)], 0);
    const expected = await run(session, problem);
    expect([...(await run(await openLsg(scaled, { causal: true }), problem))]).toEqual([...expected]);
  });

  it("refuses global tokens that would see what comes later", () => {
    expect(() => openLsg(lsgConfig({}), { causal: true })).toThrow(/first_token_is_global/);
  });
});

it("is as exact with scores of a hundred and more", async () => {
  for (const sparsity_type of ["none", "norm"] as const) {
    const config = lsgConfig({ sparsity_type });
    const problem = problemOf([rightPadded(61, 61), rightPadded(40, 61)], 1);
    const hot = { ...problem, query: Array.from(problem.query, (x) => 60 * x) };
    const expected = lsgAttentionByDefinition(hot, { config, causal: false, seed: SEED });
    // Scores of 200 are rounded in their sixth digit, and the exponential makes that an error of 1e-5.
    expect(relativeError(await run(await openLsg(config), hot), expected)).toBeLessThan(10 * TOLERANCE);
  }
});

it("scales nothing in rows of no more tokens than that begins behind, bit by bit", async () => {
  const of = (overrides: Partial<LsgConfig>) =>
    openLsg(lsgConfig({ first_token_is_global: true, ...overrides }));
  const [plain, scaled] = [await of({}), await of({ global_scaling_length: 40 })];
  for (const length of [16, 17, 40, 61]) {
    const problem = problemOf([rightPadded(Math.min(length, 40), length), leftPadded(7, length)], 0);
    expect([...(await run(scaled, problem))], `length ${length}`).toEqual([...(await run(plain, problem))]);
  }
});

it("scales in half precision too", async () => {
  const config = lsgConfig({ first_token_is_global: true, global_scaling_length: 16 });
  const problem = problemOf([rightPadded(61, 61), leftPadded(30, 61)], 0);
  const expected = lsgAttentionByDefinition(problem, { config, causal: false, seed: SEED });
  // Ten bits of fraction.
  const actual = await run(await openLsg(config, { dtype: "F16" }), problem, "F16");
  expect(relativeError(actual, expected)).toBeLessThan(0.02);
});

it("computes the same in half precision", async () => {
  const config = lsgConfig({ sparsity_type: "norm" });
  const problem = problemOf([rightPadded(40, 61), leftPadded(30, 61)], 1);
  const expected = lsgAttentionByDefinition(problem, { config, causal: false, seed: SEED });
  const actual = await run(await openLsg(config, { dtype: "F16" }), problem, "F16");
  // Ten bits of fraction, and a key whose norm is rounded may give way to its neighbour.
  const errors = Array.from(expected, (e, i) => Math.abs(e - (actual[i] ?? Number.NaN))).filter(
    (e) => !(e < 0.02),
  );
  expect(actual.every(Number.isFinite)).toBe(true);
  expect(errors.length).toBeLessThan(expected.length / 50);
});

it("stays finite where every key is hidden", async () => {
  for (const sparsity_type of ["norm", "pooling", "stride", "bos_pooling", "lsh"] as const) {
    const config = lsgConfig({ sparsity_type, first_token_is_global: true });
    const problem = problemOf([Array<number>(40).fill(0), rightPadded(3, 40)], 0);
    const context = await run(await openLsg(config), problem);
    expect(context.every(Number.isFinite), sparsity_type).toBe(true);
  }
});

/** The same single row behind other numbers that its mask hides. */
function padTo(problem: ReturnType<typeof problemOf>, total: number, visible: number) {
  const prepended = problem.query.length / problem.numHeads / problem.headDim - visible;
  const longer = problemOf([rightPadded(visible, total - prepended)], prepended, 99);
  const behind = (own: ArrayLike<number>, more: ArrayLike<number>) =>
    Float32Array.from(more, (x, i) => own[i] ?? x);
  return {
    ...longer,
    query: behind(problem.query, longer.query),
    key: behind(problem.key, longer.key),
    value: behind(problem.value, longer.value),
  };
}
