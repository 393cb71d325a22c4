import type { Model } from "../model/model.js";
import type { FloatDtype } from "../safetensors/dtype.js";
import type { OnnxFunction } from "./body.js";
import { createGraph, type OnnxModel } from "./builder.js";
import { biased, type EncoderAttention, encoderHeads } from "./encoder.js";
import type { Heads } from "./functions/attend.js";
import { type KeyMask, keyBias } from "./functions/masks.js";
import { type Biased, relativeInputs } from "./functions/relative-bias.js";

export interface OpOnlyOptions extends Heads, KeyMask {
  /** One of the attention functions, made for the same heads. */
  readonly attention: OnnxFunction;
  /** Of attention whose scores have a bias by distance. */
  readonly biased?: Biased | undefined;
  readonly dtype: FloatDtype;
}

/**
 * A model of one attention op. Inputs `query`, `key`, `value` (batch_size, prepended + sequence_length,
 * heads · head_dim) and `attention_mask` (batch_size, sequence_length) of int64, and where scores have a bias by
 * distance `relative_attention_bias` (buckets, heads); output `context` like `query`.
 */
export function opOnlyModel(options: OpOnlyOptions): OnnxModel {
  const { attention, dtype, numHeads, headDim, prependedTokens, biased } = options;
  const graph = createGraph(attention.name);
  const length = prependedTokens > 0 ? "total_length" : "sequence_length";
  const dims = ["batch_size", length, numHeads * headDim];
  const [query, key, value] = [
    graph.input("query", dtype, dims),
    graph.input("key", dtype, dims),
    graph.input("value", dtype, dims),
  ];
  const mask = graph.input("attention_mask", "I64", ["batch_size", "sequence_length"]);
  const bias = graph.scope("key_bias", () => keyBias(graph.op, mask, options));
  const more = biased
    ? relativeInputs(
        graph.op,
        graph.input("relative_attention_bias", dtype, [biased.relative.buckets, numHeads]),
        bias,
        biased,
      )
    : [];
  graph.output("context", graph.op.call(attention, query, key, value, bias, ...more), dtype, dims);
  return graph.model();
}

/** The same of an op that is a model's encoder's, in float32. */
export function encoderOpModel(op: OnnxFunction, model: Model, attention: EncoderAttention): OnnxModel {
  return opOnlyModel({
    ...encoderHeads(model),
    ...attention.keys,
    attention: op,
    biased: biased(model, attention),
    dtype: "F32",
  });
}
