import { describe, expect, it } from "vitest";
import type { LsgConfig } from "../../src/attention/lsg-config.js";
import { relativeBucket } from "../../src/attention/relative-bucket.js";
import { prependedTokens } from "../../src/onnx/functions/lsg-inputs.js";
import { fullAttentionByDefinition } from "../../src/verify/definition/full.js";
import { lsgAttentionByDefinition } from "../../src/verify/definition/lsg.js";
import {
  leftPadded,
  lsgConfig,
  openFull,
  openLsg,
  problemOf,
  raggedMasks,
  relativeError,
  rightPadded,
  run,
  SEED,
  TOLERANCE,
} from "./attention-cases.js";
import { biased, RELATIVE } from "./relative-cases.js";

/** Shorter than what blocks of 8 see, so that far sparse keys share a bucket there. */
const NEAR = { ...RELATIVE, buckets: 8, maxDistance: 6 } as const;

const BLOCK = 8;
const LENGTHS = [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK + 5, 120];

const SPARSE = ["norm", "pooling", "stride", "block_stride", "bos_pooling", "lsh"] as const;
const CONFIGS: Record<string, Partial<LsgConfig>> = {
  "first token global": { first_token_is_global: true },
  "prepended global": {},
  "7 globals": { num_global_tokens: 7 },
  "first token masked": { mask_first_token: true },
  "first token global, 3 globals": { first_token_is_global: true, num_global_tokens: 3 },
  "scaled global": { first_token_is_global: true, global_scaling_length: 2 * BLOCK },
  "odd blocks": { block_size: 5, first_token_is_global: true },
  "every key": { sparsity_type: "norm", sparsity_factor: 1, sparse_block_size: 11 },
  "pooling, factor 4": { sparsity_type: "pooling", sparsity_factor: 4, sparse_block_size: 6 },
  ...Object.fromEntries(SPARSE.map((sparsity_type) => [sparsity_type, { sparsity_type }])),
};

it("counts buckets as transformers does", () => {
  const ends = [0, 1, 7, 8, 11, 12, 15, 16, 22, 23, 31, 32, 45, 46, 63, 64, 90, 91, 128, 5000];
  const of = [0, 1, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 15];
  // What `MPNetEncoder.relative_position_bucket` of transformers 4.40.2 returns.
  expect(ends.map((distance) => relativeBucket(-distance, RELATIVE))).toEqual(of);
  expect(ends.slice(1).map((distance) => relativeBucket(distance, RELATIVE))).toEqual(
    of.slice(1).map((bucket) => 16 + bucket),
  );
});

it.each([false, true])("full attention computes its definition (causal: %s)", async (causal) => {
  const session = await openFull(causal, RELATIVE);
  for (const length of LENGTHS) {
    const problem = biased(problemOf(raggedMasks(length), 0, length), RELATIVE);
    const expected = fullAttentionByDefinition(problem, causal);
    expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(TOLERANCE);
  }
});

describe.each(Object.entries(CONFIGS))("%s", (_, overrides) => {
  const config = lsgConfig(overrides);
  const prepended = prependedTokens(config);

  const tables = config.sparsity_type === "none" ? [RELATIVE] : [RELATIVE, NEAR];
  it.each(tables)("computes its definition at every length ($buckets buckets)", async (relative) => {
    const session = await openLsg(config, { relative });
    for (const length of LENGTHS) {
      const problem = biased(problemOf(raggedMasks(length), prepended, length), relative);
      const expected = lsgAttentionByDefinition(problem, { config, causal: false, seed: SEED });
      expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(
        TOLERANCE,
      );
    }
  });
});

it.each(["none", "norm", "pooling"] as const)("sees nothing that comes later (%s)", async (sparsity_type) => {
  const config = lsgConfig({ first_token_is_global: true, sparsity_type });
  const session = await openLsg(config, { causal: true, relative: RELATIVE });
  for (const length of LENGTHS) {
    const problem = biased(problemOf(raggedMasks(length).slice(0, 2), 0, length), RELATIVE);
    const expected = lsgAttentionByDefinition(problem, { config, causal: true, seed: SEED });
    expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(TOLERANCE);
  }
});

it("up to two blocks is full attention", async () => {
  const full = await openFull(false, RELATIVE);
  const lsg = await openLsg(lsgConfig({ first_token_is_global: true }), { relative: RELATIVE });
  for (const length of [1, 9, 16]) {
    const problem = biased(problemOf(raggedMasks(length), 0, length), RELATIVE);
    expect([...(await run(lsg, problem))], `length ${length}`).toEqual([...(await run(full, problem))]);
  }
});

it("gaps in windows stay invisible where biases are large", async () => {
  const config = lsgConfig({ first_token_is_global: true });
  const problem = biased(problemOf([rightPadded(61, 61)], 0), RELATIVE, 50);
  const expected = lsgAttentionByDefinition(problem, { config, causal: false, seed: SEED });
  // Scores of 100 are rounded in their sixth digit.
  const error = relativeError(await run(await openLsg(config, { relative: RELATIVE }), problem), expected);
  expect(error).toBeLessThan(10 * TOLERANCE);
});

it("computes the same in half precision", async () => {
  const config = lsgConfig({ first_token_is_global: true });
  const problem = biased(problemOf([rightPadded(40, 61), leftPadded(30, 61)], 0), RELATIVE);
  const expected = lsgAttentionByDefinition(problem, { config, causal: false, seed: SEED });
  const session = await openLsg(config, { dtype: "F16", relative: RELATIVE });
  // Ten bits of fraction.
  expect(relativeError(await run(session, problem, "F16"), expected)).toBeLessThan(0.02);
});
