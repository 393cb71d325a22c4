import { CheckpointError } from "../errors.js";
import type { SourceTensor, SourceTensors } from "../plan/names.js";
import type { Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";

/** How a tensor of a checkpoint becomes a float32 value of a graph. */
export interface WeightSource {
  /** As it is. */
  tensor(graph: GraphBuilder, tensor: SourceTensor): Value;
  /** A linear layer's weight [out, in] as [in, out]. */
  matrix(graph: GraphBuilder, tensor: SourceTensor): Value;
}

/** A model's weights as values of a graph. Names are full ones, or below the base model. */
export interface Weights {
  has(name: string): boolean;
  tensor(name: string): Value;
  matrix(name: string): Value;
}

/** Finds a model's tensors for a graph; those that the graph does not ask for stay out of it. */
export function createWeights(graph: GraphBuilder, tensors: SourceTensors, source: WeightSource): Weights {
  const byBaseName = new Map([...tensors.values()].map((tensor) => [tensor.baseName, tensor]));
  const find = (name: string) => tensors.get(name) ?? byBaseName.get(name);
  const require = (name: string): SourceTensor => {
    const tensor = find(name);
    if (tensor) return tensor;
    throw new CheckpointError(`tensor "${name}" is missing`, "The checkpoint is incomplete.");
  };
  return {
    has: (name) => find(name) !== undefined,
    tensor: (name) => source.tensor(graph, require(name)),
    matrix: (name) => source.matrix(graph, require(name)),
  };
}
