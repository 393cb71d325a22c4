import type { OnnxFunction, Op, Value } from "../body.js";
import { defineFunction } from "../builder.js";
import { attend, causalMask, type Heads, mergeHeads, scale, sizeOf, splitHeads } from "./attend.js";

export interface FullAttentionOptions extends Heads {
  /** Hides keys after the query; queries are then the last positions of the keys. */
  readonly causal: boolean;
}

/** The inputs of every attention op. */
export interface AttentionInputs {
  /** (batch, length, heads · head_dim), also below; keys may be longer than queries in full attention. */
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** (batch, keys): 0 or `HIDDEN`. */
  readonly key_bias: Value;
}

/** The names of an attention op's inputs, in order. */
export const ATTENTION_INPUTS = ["query", "key", "value", "key_bias"] as const;

/** Every query sees every key: what an unconverted model computes, and cross-attention. */
export function fullAttention(options: FullAttentionOptions): OnnxFunction {
  const name = options.causal ? "CausalAttention" : "Attention";
  const { numHeads, headDim, causal } = options;
  const doc =
    `softmax(query · keyᵀ / √${headDim} + key_bias) · value in ${numHeads} heads of ${headDim}` +
    `${causal ? "; a query sees no later key" : ""}. (batch, length, ${numHeads * headDim}) in and out.`;
  return defineFunction({ name, inputs: ATTENTION_INPUTS, output: "context", doc }, (op, inputs) =>
    fullAttentionBody(op, inputs, options),
  );
}

/** The body of full attention, which shorter inputs of other ops use as well. */
export function fullAttentionBody(op: Op, inputs: AttentionInputs, options: FullAttentionOptions): Value {
  const query = scale(op, splitHeads(op, inputs.query, options), options);
  const key = splitHeads(op, inputs.key, options);
  const hidden = op.Unsqueeze(inputs.key_bias, [1, 2]);
  const mask = options.causal
    ? op.Add(hidden, causalMask(op, sizeOf(op, query, 2), sizeOf(op, key, 2), query))
    : hidden;
  return mergeHeads(op, attend(op, query, key, splitHeads(op, inputs.value, options), mask), options);
}
