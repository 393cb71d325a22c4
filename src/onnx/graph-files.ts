import { posix } from "node:path";
import type { FileSource } from "../checkpoint/file-source.js";

/** The graph's name, in `onnx/` or, with shared weights, at the folder's top. */
export const GRAPH_FILE = "model.onnx";

/** Every place that an export may write to. */
export const GRAPH_PATHS = ["", "onnx"].flatMap((place) =>
  [GRAPH_FILE, `${GRAPH_FILE}_data`].map((file) => posix.join(place, file)),
);

/** The files of a folder's graph, the graph first, then its data file where there is one. */
export function graphFiles(source: FileSource): string[] {
  const graph = GRAPH_PATHS.find((path) => posix.basename(path) === GRAPH_FILE && source.files.has(path));
  return graph === undefined ? [] : [graph, `${graph}_data`].filter((path) => source.files.has(path));
}
