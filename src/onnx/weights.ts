import type { Head } from "../architectures/architecture.js";
import { GLOBAL_TABLE_ROWS } from "../attention/lsg-config.js";
import { CheckpointError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import type { SourceTensor } from "../model/names.js";
import { baseSpecs, checkShape, headSpecs, poolerSpecs, type TensorSpec } from "../model/tensor-specs.js";
import type { Operand, Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";

/** What a graph computes in, between its weights. */
export type ComputeDtype = "F32" | "F16";

/** How the tensors of a checkpoint lie in a graph, and how it computes with them: one kind for each dtype of graphs. */
export interface WeightSource {
  readonly dtype: ComputeDtype;
  /** A tensor as it is, in `dtype`. */
  tensor(graph: GraphBuilder, tensor: SourceTensor): Value;
  /** x · weightᵀ. @param weight [out, in] */
  linear(graph: GraphBuilder, weight: SourceTensor, x: Value): Value;
  /** The same with a table that may be looked up as well, stored once for both. @param x (batch, length, width) */
  scores(graph: GraphBuilder, table: SourceTensor, x: Value, bias: Value | undefined): Value;
  /** Embeddings: [rows, width]. */
  table(graph: GraphBuilder, table: SourceTensor): Table;
}

/** Rows to be looked up: (…, width) in the graph's dtype. */
export interface Table {
  /** @param ids int64 of any shape */
  at(ids: Value): Value;
  /** Rows `[start, end)`. @param start, end int64 (1) */
  rows(start: Operand, end: Operand): Value;
}

/** A model's weights in a graph. Names are full ones, or below the base model. */
export interface Weights {
  readonly dtype: ComputeDtype;
  has(name: string): boolean;
  tensor(name: string): Value;
  linear(name: string, x: Value): Value;
  scores(name: string, x: Value, bias: Value | undefined): Value;
  table(name: string): Table;
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
    dtype: source.dtype,
    tensor: (name) => source.tensor(graph, require(name)),
    linear: (name, x) => source.linear(graph, require(name), x),
    scores: (name, x, bias) => source.scores(graph, require(name), x, bias),
    table: (name) => source.table(graph, require(name)),
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
