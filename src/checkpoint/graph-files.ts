import { posix } from "node:path";
import { GRAPH_DTYPES, type GraphDtype, inDtype } from "../base/graph-dtypes.js";
import type { FileSource } from "./file-source.js";

/** The name of a model's only graph, in `onnx/` or, with shared weights, at the folder's top. */
export const GRAPH_FILE = "model.onnx";

/** The names of the graphs with which an encoder-decoder generates. */
export const GENERATION_FILES = {
  encoder: "encoder_model.onnx",
  decoder: "decoder_model.onnx",
  decoderWithPast: "decoder_with_past_model.onnx",
  merged: "decoder_model_merged.onnx",
} as const;

/** The names of all graphs, as those of float32 have them. */
const GRAPHS = [GRAPH_FILE, ...Object.values(GENERATION_FILES)];

/** The names of the graphs that a model can have in a dtype. */
export function graphsIn(dtype: GraphDtype): string[] {
  return GRAPHS.map((graph) => inDtype(graph, dtype));
}

export function dataFile(graph: string): string {
  return `${graph}_data`;
}

/** Where graphs lie: at the folder's top with shared weights. */
const PLACES = ["", "onnx"];

/** Every place that an export in a dtype may write to. */
export function graphPaths(dtype: GraphDtype): string[] {
  return PLACES.flatMap((place) =>
    graphsIn(dtype).flatMap((graph) => [graph, dataFile(graph)].map((file) => posix.join(place, file))),
  );
}

/** The files of a folder's exports in all dtypes. */
export function allGraphFiles(source: Pick<FileSource, "files">, mayGenerate: boolean): string[] {
  return GRAPH_DTYPES.flatMap((dtype) => graphFiles(source, mayGenerate, dtype));
}

/**
 * The files of a folder's export in one dtype: its graphs, each with its data file where there is one. They lie in one place, and
 * are one graph alone or those with which an encoder-decoder generates; other graphs beside them are left over.
 * @param mayGenerate whether the model's class generates
 */
export function graphFiles(
  source: Pick<FileSource, "files">,
  mayGenerate: boolean,
  dtype: GraphDtype,
): string[] {
  const [whole, ...generation] = graphsIn(dtype) as [string, ...string[]];
  const names = mayGenerate ? [whole, ...generation] : [whole];
  const place = PLACES.find((folder) => names.some((graph) => source.files.has(posix.join(folder, graph))));
  if (place === undefined) return [];
  const has = (graph: string) => source.files.has(posix.join(place, graph));
  const isOne = has(whole) && !(mayGenerate && generation.every(has));
  return (isOne ? [whole] : generation)
    .filter(has)
    .flatMap((graph) => [graph, dataFile(graph)])
    .map((file) => posix.join(place, file))
    .filter((path) => source.files.has(path));
}
