import * as ort from "onnxruntime-node";
import type { RelativeBias } from "../../src/architectures/architecture.js";
import { type LsgConfig, LsgConfigSchema } from "../../src/attention/lsg-config.js";
import { fullAttention } from "../../src/onnx/functions/full-attention.js";
import { lsgAttention } from "../../src/onnx/functions/lsg-attention.js";
import { prependedTokens } from "../../src/onnx/functions/lsg-inputs.js";
import { opOnlyModel } from "../../src/onnx/op-only.js";
import type { FloatDtype } from "../../src/safetensors/dtype.js";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import type { AttentionProblem } from "../../src/verify/definition/attention-problem.js";
import { open } from "./graphs.js";

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

/** A whole row, one padded on the right and one on the left. */
export function raggedMasks(length: number): number[][] {
  return [
    rightPadded(length, length),
    rightPadded(Math.ceil(length * 0.7), length),
    leftPadded(Math.ceil(length / 3), length),
  ];
}

/** Full attention alone. */
export function openFull(causal: boolean, relative?: RelativeBias): Promise<ort.InferenceSession> {
  const attention = fullAttention({ ...HEADS, causal, relative });
  const biased = relative && { relative, causal };
  return open(
    opOnlyModel({ ...HEADS, attention, prependedTokens: 0, maskFirstToken: false, biased, dtype: "F32" }),
  );
}

/** The LSG op alone. */
export function openLsg(
  config: LsgConfig,
  {
    causal = false,
    heads = HEADS,
    dtype = "F32" as FloatDtype,
    relative = undefined as RelativeBias | undefined,
  } = {},
): Promise<ort.InferenceSession> {
  const attention = lsgAttention({ ...heads, config, causal, seed: SEED, relative });
  return open(
    opOnlyModel({
      ...heads,
      attention,
      prependedTokens: prependedTokens(config),
      maskFirstToken: config.mask_first_token,
      biased: relative && { relative, config, causal },
      dtype,
    }),
  );
}

/** Runs an op-only graph: the context as (batch, total, heads · head_dim). */
export async function run(
  session: ort.InferenceSession,
  problem: AttentionProblem & { readonly table?: ArrayLike<number> },
  dtype: TensorDtype = "F32",
): Promise<Float64Array> {
  const { batch, numHeads, headDim, mask, table } = problem;
  const tensor = (x: ArrayLike<number>) => floatTensor(x, batch, numHeads * headDim, dtype);
  const { context } = await session.run({
    query: tensor(problem.query),
    key: tensor(problem.key),
    value: tensor(problem.value),
    attention_mask: maskTensor(mask, batch),
    ...(table && { relative_attention_bias: tableTensor(table, numHeads, dtype) }),
  });
  return numbers(context, dtype);
}

/** The float dtypes in which the op-only graphs are run. */
export type TensorDtype = "F32" | "F16";

/** (batch, length, width) of the numbers, row by row. */
export function floatTensor(
  x: ArrayLike<number>,
  batch: number,
  width: number,
  dtype: TensorDtype,
): ort.Tensor {
  const dims = [batch, x.length / batch / width, width];
  if (dtype === "F32") return new ort.Tensor("float32", Float32Array.from(x), dims);
  const halves = new Uint8Array(encodeFloats(Float64Array.from(x), "F16"));
  return new ort.Tensor("float16", new Uint16Array(halves.buffer), dims);
}

/** (buckets, heads) of the numbers. */
function tableTensor(table: ArrayLike<number>, heads: number, dtype: TensorDtype): ort.Tensor {
  const { data } = floatTensor(table, 1, heads, dtype);
  return new ort.Tensor(dtype === "F32" ? "float32" : "float16", data as Float32Array, [
    table.length / heads,
    heads,
  ]);
}

/** (batch, length) of int64. */
export function maskTensor(mask: ArrayLike<number>, batch: number): ort.Tensor {
  const dims = [batch, mask.length / batch];
  return new ort.Tensor("int64", BigInt64Array.from(Array.from(mask, BigInt)), dims);
}

/** The numbers of a graph's output. */
export function numbers(output: ort.Tensor | undefined, dtype: TensorDtype): Float64Array {
  if (!output) throw new Error("the graph has no such output");
  if (dtype === "F32") return Float64Array.from(output.data as Float32Array);
  const halves = output.data as Uint16Array;
  return Float64Array.from(
    decodeFloats(Buffer.from(halves.buffer, halves.byteOffset, halves.byteLength), "F16"),
  );
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
