import type { GraphDtype } from "../base/graph-dtypes.js";
import type { WeightReader } from "../checkpoint/weight-reader.js";
import { copiedFloats, copiedWeights } from "./copied-weights.js";
import { int4Weights } from "./int4-weights.js";
import { int8Weights } from "./int8-weights.js";
import { sharedWeights } from "./shared-weights.js";
import type { WeightSource } from "./weights.js";

const WEIGHTS: Readonly<Record<GraphDtype, (reader: WeightReader) => WeightSource>> = {
  fp32: (reader) => copiedWeights(reader),
  fp16: (reader) => copiedWeights(reader, "F16"),
  q8: int8Weights,
  q4: int4Weights,
};

/**
 * The weights of a graph in a dtype.
 * @param shared whether graphs may point into the checkpoint; those of float32 can, others hold their own numbers
 */
export function weightsIn(dtype: GraphDtype, reader: WeightReader, shared: boolean): WeightSource {
  return shared && dtype === "fp32" ? sharedWeights(copiedFloats(reader)) : WEIGHTS[dtype](reader);
}
