import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type GraphDtype, inDtype } from "../base/graph-dtypes.js";
import type { OnnxModel } from "../onnx/builder.js";
import { type WriteModelOptions, writeModel } from "../onnx/writer.js";

/**
 * Writes a model's graphs, one dtype after the other.
 * @param graphs of each dtype, by the names that they have in float32
 * @returns the names of the files, each graph before its data, and their sizes in bytes
 */
export async function writeGraphs(
  folder: string,
  graphs: ReadonlyMap<GraphDtype, ReadonlyMap<string, OnnxModel>>,
  options: WriteModelOptions,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const [dtype, models] of graphs) {
    for (const [graph, model] of models) {
      const written = await writeModel(join(folder, inDtype(graph, dtype)), model, options);
      for (const path of written) sizes.set(basename(path), (await stat(path)).size);
    }
  }
  return sizes;
}
