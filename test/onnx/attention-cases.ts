import * as ort from "onnxruntime-node";
import type { OnnxModel } from "../../src/onnx/builder.js";
import { lsgAttention } from "../../src/onnx/functions/lsg-attention.js";
import { prependedTokens } from "../../src/onnx/functions/lsg-inputs.js";
import { opOnlyModel } from "../../src/onnx/op-only.js";
import type { AttentionProblem } from "../../src/onnx/reference/attention.js";
import { modelBytes } from "../../src/onnx/writer.js";
import { type LsgConfig, LsgConfigSchema } from "../../src/variants/lsg-config.js";

/** Narrow heads keep the plain definition quick; an odd number of them shows up swapped axes. */
export const HEADS = { numHeads: 3, headDim: 4 };
export const WIDTH = HEADS.numHeads * HEADS.headDim;
export const SEED = 7;

/** A config whose sizes are small and none the default. */
export function lsgConfig(overrides: Partial<LsgConfig>): LsgConfig {
  return LsgConfigSchema.parse({ block_size: 8, sparse_block_size: 8, sparsity_type: "none", ...overrides });
}

/** Numbers in (−2, 2), the same for the same seed. */
export function noise(seed: number, length: number): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 30;
  });
}

/** Random tensors for rows of the given masks, behind `prepended` global tokens. */
export function problemOf(
  masks: readonly (readonly number[])[],
  prepended: number,
  seed = 1,
): AttentionProblem {
  const total = prepended + (masks[0]?.length ?? 0);
  const tensor = (i: number) => noise(seed * 10 + i, masks.length * total * WIDTH);
  return {
    batch: masks.length,
    ...HEADS,
    query: tensor(1),
    key: tensor(2),
    value: tensor(3),
    mask: masks.flat(),
  };
}

/** `visible` ones, then zeros. */
export function rightPadded(visible: number, length: number): number[] {
  return Array.from({ length }, (_, i) => (i < visible ? 1 : 0));
}

/** Zeros, then `visible` ones. */
export function leftPadded(visible: number, length: number): number[] {
  return rightPadded(visible, length).reverse();
}

/** Opens a graph on the CPU. */
export async function open(model: OnnxModel): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(await modelBytes(model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

/** The LSG op alone. */
export function openLsg(
  config: LsgConfig,
  { causal = false, heads = HEADS } = {},
): Promise<ort.InferenceSession> {
  const attention = lsgAttention({ ...heads, config, causal, seed: SEED });
  return open(
    opOnlyModel({
      ...heads,
      attention,
      prependedTokens: prependedTokens(config),
      maskFirstToken: config.mask_first_token,
      dtype: "F32",
    }),
  );
}

/** Runs an op-only graph: the context as (batch, total, heads · head_dim). */
export async function run(session: ort.InferenceSession, problem: AttentionProblem): Promise<Float32Array> {
  const { batch, numHeads, headDim, mask } = problem;
  const tensor = (x: ArrayLike<number>) =>
    new ort.Tensor("float32", Float32Array.from(x), [
      batch,
      x.length / batch / numHeads / headDim,
      numHeads * headDim,
    ]);
  const { context } = await session.run({
    query: tensor(problem.query),
    key: tensor(problem.key),
    value: tensor(problem.value),
    attention_mask: new ort.Tensor("int64", BigInt64Array.from(Array.from(mask, BigInt)), [
      batch,
      mask.length / batch,
    ]),
  });
  if (!context) throw new Error("the graph has no output named context");
  return context.data as Float32Array;
}

/**
 * The largest difference over the largest expected value. Where nothing is expected (NaN: a query that sees
 * no key) any finite value will do; a value that is not finite counts as infinitely wrong.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let error = 0;
  let scale = 0;
  for (let i = 0; i < actual.length; i++) {
    const [a, e] = [actual[i] ?? Number.NaN, expected[i] ?? Number.NaN];
    if (!Number.isFinite(a)) return Number.POSITIVE_INFINITY;
    if (Number.isNaN(e)) continue;
    scale = Math.max(scale, Math.abs(e));
    error = Math.max(error, Math.abs(a - e));
  }
  return scale > 0 ? error / scale : error;
}

/**
 * Float32 against float64: a context is a mean of values in (−2, 2), its rounding a few units of 2^-24; scores
 * are sums of head_dim products up to 4, whose rounding the exponential passes on. 1e-6 is usual, ten times
 * that never seen.
 */
export const TOLERANCE = 1e-5;
