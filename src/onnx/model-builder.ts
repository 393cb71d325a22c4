import type { Head } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { Model } from "../model/model.js";
import type { Op } from "./body.js";
import { createGraph, type GraphBuilder } from "./builder.js";
import { createWeights, type WeightSource, type Weights } from "./weights.js";

/** What builds the graph of a model: embeddings, layers and heads write themselves with it. */
export interface ModelBuilder {
  readonly graph: GraphBuilder;
  readonly op: Op;
  /** The model's tensors, in the graph. */
  readonly weights: Weights;
  readonly model: Model;
}

/**
 * Starts the graph of a model.
 * @param head what it is to end with, whose tensors are among those that it may ask for
 * @throws CheckpointError for a head that cannot be exported
 */
export function buildModel(name: string, model: Model, head: Head, source: WeightSource): ModelBuilder {
  refuseOtherSettings(head, model.config);
  const graph = createGraph(name);
  return { graph, op: graph.op, weights: createWeights(graph, model, head, source), model };
}

function refuseOtherSettings(head: Head, config: Config): void {
  for (const [key, value] of Object.entries(head.assumes ?? {})) {
    if (config[key] === undefined || config[key] === value) continue;
    throw new CheckpointError(
      `config.json: ${key} is ${JSON.stringify(config[key])}; the graph of this head is made for ${JSON.stringify(value)}`,
      "Export the base model alone: --task feature-extraction.",
    );
  }
}
