import type { OnnxFunction, Op, Value } from "../body.js";
import { defineFunction } from "../builder.js";
import { causalMask, type Heads, maskedAttention, sizeOf, swapHeads } from "./attend.js";

/** Keys and values in heads, as a cache keeps them: (batch, heads, keys, head_dim). */
interface CachedInputs {
  /** (batch, length, heads · head_dim), like the result. */
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/**
 * What a decoder's tokens see of themselves: inputs `query`, `key` and `value`. The queries are the last of the
 * keys, and none sees a later one.
 */
export function decoderSelfAttention(heads: Heads): OnnxFunction {
  return defineFunction(
    {
      name: "DecoderSelfAttention",
      inputs: ["query", "key", "value"],
      output: "context",
      doc: `${describe(heads)} + causal mask) · value`,
    },
    (op, inputs) =>
      attend(op, inputs, heads, (query) =>
        causalMask(op, sizeOf(op, query, 2), sizeOf(op, inputs.key, 2), query),
      ),
  );
}

/** What a decoder's tokens see of the encoder's output: as above, and `key_bias` (batch, keys). */
export function crossAttention(heads: Heads): OnnxFunction {
  return defineFunction(
    {
      name: "CrossAttention",
      inputs: ["query", "key", "value", "key_bias"],
      output: "context",
      doc: `${describe(heads)} + key_bias) · value`,
    },
    (op, inputs) => attend(op, inputs, heads, () => op.Unsqueeze(inputs.key_bias, [1, 2])),
  );
}

/** @param mask made of the queries (batch, heads, length, head_dim) */
function attend(
  op: Op,
  { key, value, ...inputs }: CachedInputs,
  heads: Heads,
  mask: (query: Value) => Value,
): Value {
  const { numHeads, headDim } = heads;
  const query = swapHeads(op, op.Reshape(inputs.query, [0, -1, numHeads, headDim]));
  const context = maskedAttention(op, { query, key, value }, mask(query), heads);
  return op.Reshape(swapHeads(op, context), [0, -1, numHeads * headDim]);
}

function describe({ numHeads, headDim }: Heads): string {
  return `In ${numHeads} heads of ${headDim}, which keys and values have already: softmax(query · keyᵀ / √${headDim}`;
}
