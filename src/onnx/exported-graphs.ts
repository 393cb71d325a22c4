import { taskOf } from "../architectures/tasks.js";
import { GRAPH_FILE } from "../checkpoint/graph-files.js";
import type { Model } from "../model/model.js";
import type { OnnxModel } from "./builder.js";
import { generationGraphs } from "./generation.js";
import { type GraphOptions, modelGraph } from "./graph.js";
import { exported } from "./tasks.js";
import type { WeightSource } from "./weights.js";

/**
 * The graphs that a model is exported as, by file name: one, or those with which an encoder-decoder generates.
 * @throws OptionError or CheckpointError for what cannot be exported
 */
export function exportedGraphs(
  model: Model,
  source: WeightSource,
  options: GraphOptions,
): ReadonlyMap<string, OnnxModel> {
  const { decoder } = model.architecture;
  const { head } = exported(model, options.task);
  return decoder && taskOf(head).generates
    ? generationGraphs({ model, decoder, head, source, options })
    : new Map([[GRAPH_FILE, modelGraph(model, source, options)]]);
}
