import type { RelativeBias } from "../../architectures/architecture.js";
import type { OnnxFunction, Op, Value } from "../body.js";
import { defineFunction } from "../builder.js";
import {
  ATTENTION_INPUTS,
  causalMask,
  type HeadInputs,
  type Heads,
  inHeads,
  maskedAttention,
  RELATIVE_INPUTS,
  sizeOf,
  swapHeads,
} from "./attend.js";

export interface FullAttentionOptions extends Heads {
  /** Hides keys after the query; queries are then the last positions of the keys. */
  readonly causal: boolean;
  /** Scores have a bias by distance: the op has the input that `relativeInputs` makes. */
  readonly relative?: RelativeBias | undefined;
}

/** Every query sees every key: what an unconverted model computes. */
export function fullAttention(options: FullAttentionOptions): OnnxFunction {
  const name = options.causal ? "CausalAttention" : "Attention";
  const { numHeads, headDim, causal, relative } = options;
  const doc =
    `softmax(query · keyᵀ / √${headDim} + key_bias${relative ? " + relative_bias" : ""}) · value in ${numHeads} heads of ${headDim}` +
    `${causal ? "; a query sees no later key" : ""}. (batch, length, ${numHeads * headDim}) in and out.`;
  const names = [...ATTENTION_INPUTS, ...(relative ? [RELATIVE_INPUTS[0]] : [])] as const;
  return defineFunction({ name, inputs: names, output: "context", doc }, (op, inputs) =>
    inHeads(op, inputs, options, (heads) => fullAttentionBody(op, heads, options)),
  );
}

/** The body of full attention, which short inputs of other ops use as well: (batch, length, heads, head_dim). */
export function fullAttentionBody(op: Op, inputs: HeadInputs, options: FullAttentionOptions): Value {
  const { query, key } = inputs;
  const hidden = op.Unsqueeze(inputs.bias, [1, 2]);
  const biased = inputs.relativeBias ? op.Add(hidden, inputs.relativeBias) : hidden;
  const mask = options.causal
    ? op.Add(biased, causalMask(op, sizeOf(op, query, 2), sizeOf(op, key, 2), query))
    : biased;
  return swapHeads(op, maskedAttention(op, inputs, mask, options));
}
