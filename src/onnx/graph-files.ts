import { posix } from "node:path";
import type { FileSource } from "../checkpoint/file-source.js";

/** The name of a model's only graph, in `onnx/` or, with shared weights, at the folder's top. */
export const GRAPH_FILE = "model.onnx";

/** The names of the graphs with which an encoder-decoder generates. */
export const GENERATION_FILES = {
  encoder: "encoder_model.onnx",
  decoder: "decoder_model.onnx",
  decoderWithPast: "decoder_with_past_model.onnx",
  merged: "decoder_model_merged.onnx",
} as const;

/** The names of all graphs. */
export const GRAPHS = [GRAPH_FILE, ...Object.values(GENERATION_FILES)];

/** What a graph's data file is called. */
export function dataFile(graph: string): string {
  return `${graph}_data`;
}

/** Where graphs lie: at the folder's top with shared weights. */
const PLACES = ["", "onnx"];

/** Every place that an export may write to. */
export const GRAPH_PATHS = PLACES.flatMap((place) =>
  GRAPHS.flatMap((graph) => [graph, dataFile(graph)].map((file) => posix.join(place, file))),
);

/**
 * The files of a folder's export: its graphs, each with its data file where there is one. They lie in one place, and
 * are one graph alone or those with which an encoder-decoder generates; other graphs beside them are left over.
 * @param mayGenerate whether the model's class generates
 */
export function graphFiles(source: FileSource, mayGenerate: boolean): string[] {
  const names = mayGenerate ? GRAPHS : [GRAPH_FILE];
  const place = PLACES.find((folder) => names.some((graph) => source.files.has(posix.join(folder, graph))));
  if (place === undefined) return [];
  const has = (graph: string) => source.files.has(posix.join(place, graph));
  const generation = Object.values(GENERATION_FILES);
  const isOne = has(GRAPH_FILE) && !(mayGenerate && generation.every(has));
  return (isOne ? [GRAPH_FILE] : generation)
    .filter(has)
    .flatMap((graph) => [graph, dataFile(graph)])
    .map((file) => posix.join(place, file))
    .filter((path) => source.files.has(path));
}
