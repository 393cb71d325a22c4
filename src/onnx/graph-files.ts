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

/** Every place that an export may write to. */
export const GRAPH_PATHS = ["", "onnx"].flatMap((place) =>
  GRAPHS.flatMap((graph) => [graph, dataFile(graph)].map((file) => posix.join(place, file))),
);

/** The graphs of a folder, each with its data file where there is one. */
export function graphFiles(source: FileSource): string[] {
  return GRAPH_PATHS.filter((path) => source.files.has(path));
}
