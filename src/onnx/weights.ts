import type { Head } from "../architecture.js";
import { CheckpointError } from "../errors.js";
import type { Model } from "../plan/model.js";
import type { SourceTensor } from "../plan/names.js";
import { baseSpecs, headSpecs, poolerSpecs, type TensorSpec } from "../plan/tensor-specs.js";
import { checkShape } from "../plan/tensors.js";
import { GLOBAL_TABLE_ROWS } from "../variants/lsg-config.js";
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

/**
 * Finds a model's tensors for a graph; those that the graph does not ask for stay out of it. Their shapes must
 * be what the config says: with others a graph would compute something else, or fail in its first run.
 */
export function createWeights(graph: GraphBuilder, model: Model, head: Head, source: WeightSource): Weights {
  const { tensors } = model;
  const byBaseName = new Map([...tensors.values()].map((tensor) => [tensor.baseName, tensor]));
  const specs = new Map(tensorSpecs(model, head).map((spec) => [spec.name, spec]));
  const find = (name: string) => tensors.get(name) ?? byBaseName.get(name);
  const require = (name: string): SourceTensor => {
    const tensor = find(name);
    if (!tensor) throw new CheckpointError(`tensor "${name}" is missing`, "The checkpoint is incomplete.");
    const spec = specs.get(name);
    if (spec) checkShape(tensor, spec);
    return tensor;
  };
  return {
    has: (name) => find(name) !== undefined,
    tensor: (name) => source.tensor(graph, require(name)),
    matrix: (name) => source.matrix(graph, require(name)),
  };
}

/** What a graph may ask a checkpoint for, by the names that it uses; the global table only an LSG model has. */
function tensorSpecs({ architecture, sizes }: Model, head: Head): TensorSpec[] {
  const name = `${architecture.encoder.embeddings.global}.weight`;
  const shape = [GLOBAL_TABLE_ROWS, sizes.embedding];
  return [
    ...baseSpecs(architecture, sizes),
    { name, shape, initial: "normal", part: "base" },
    ...poolerSpecs(architecture, sizes),
    ...headSpecs(architecture, head, sizes),
  ];
}
