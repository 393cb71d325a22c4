import type { Op, Value } from "../body.js";
import { HIDDEN } from "./masks.js";

export interface Heads {
  readonly numHeads: number;
  readonly headDim: number;
}

/** What attention is computed of: `query`, `key` and `value` as (batch, heads, length, head_dim). */
export interface HeadInputs {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** (batch, keys): 0 or `HIDDEN`. */
  readonly bias: Value;
  /** Where scores have a bias by distance, of the pairs and of the offsets: see `relativeInputs`. */
  readonly relativeBias?: Value | undefined;
  readonly biasByOffset?: Value | undefined;
}

/** The names of an attention op's inputs, in order. */
export const ATTENTION_INPUTS = ["query", "key", "value", "key_bias"] as const;

/** Those that follow where scores have a bias by distance; full attention has the first alone. */
export const RELATIVE_INPUTS = ["relative_bias", "bias_by_offset"] as const;

/**
 * Splits (batch, length, heads · head_dim) into heads, lets `attend` make a context (batch, length, heads,
 * head_dim) of them and joins its heads.
 */
export function inHeads(
  op: Op,
  inputs: { readonly [K in (typeof ATTENTION_INPUTS)[number]]: Value } & {
    readonly [K in (typeof RELATIVE_INPUTS)[number]]?: Value;
  },
  heads: Heads,
  attend: (inputs: HeadInputs) => Value,
): Value {
  const context = attend({
    query: splitHeads(op, inputs.query, heads),
    key: splitHeads(op, inputs.key, heads),
    value: splitHeads(op, inputs.value, heads),
    bias: inputs.key_bias,
    relativeBias: inputs.relative_bias,
    biasByOffset: inputs.bias_by_offset,
  });
  return op.Reshape(context, [0, -1, heads.numHeads * heads.headDim]);
}

/** (batch, length, heads · head_dim) → (batch, heads, length, head_dim). */
export function splitHeads(op: Op, x: Value, { numHeads, headDim }: Heads): Value {
  return swapHeads(op, op.Reshape(x, [0, -1, numHeads, headDim]));
}

/** (batch, heads, length, head_dim) ↔ (batch, length, heads, head_dim). */
export function swapHeads(op: Op, x: Value): Value {
  return op.Transpose(x, { perm: [0, 2, 1, 3] });
}

/** softmax(scores) · value. */
export function weigh(op: Op, scores: Value, value: Value): Value {
  return op.MatMul(op.Softmax(scores, { axis: -1 }), value);
}

/** softmax(query · keyᵀ / √head_dim + mask) · value, all of (batch, heads, length, head_dim). */
export function maskedAttention(
  op: Op,
  { query, key, value }: Omit<HeadInputs, "bias">,
  mask: Value,
  heads: Heads,
): Value {
  const scores = op.Add(op.MatMul(scale(op, query, heads), transposeLast(op, key, 4)), mask);
  return weigh(op, scores, value);
}

/** Swaps the last two of `rank` axes. */
export function transposeLast(op: Op, x: Value, rank: number): Value {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  return op.Transpose(x, { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
}

/**
 * 1/√head_dim times `query`. Right before a product: runtimes fold a constant factor into it.
 * @param like of the same dtype: where many queries are scaled, they share its factor
 */
export function scale(op: Op, query: Value, { headDim }: Heads, like: Value = query): Value {
  return op.Mul(query, op.scalarLike(1 / Math.sqrt(headDim), like));
}

/** Size of an axis as a scalar. */
export function sizeOf(op: Op, x: Value, axis: number): Value {
  return op.Gather(op.Shape(x), axis);
}

/** Scalars and vectors of int64 as one vector. */
export function vector(op: Op, ...parts: (Value | number)[]): Value {
  return op.Concat(...parts.map((part) => (typeof part === "number" ? [part] : op.Reshape(part, [1]))), {
    axis: 0,
  });
}

/**
 * What hides later keys: (queries, keys), 0 on and below the diagonal that ends in the last key, `HIDDEN`
 * above. Queries are the last positions of the keys, as with a cache.
 */
export function causalMask(op: Op, queries: Value, keys: Value, like: Value): Value {
  const column = op.Range(0, keys, 1);
  const row = op.Unsqueeze(op.Range(op.Sub(keys, queries), keys, 1), [1]);
  return op.Where(op.Greater(column, row), op.scalarLike(HIDDEN, like), op.scalarLike(0, like));
}
