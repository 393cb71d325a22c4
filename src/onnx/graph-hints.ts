import { posix } from "node:path";
import { isRecord } from "../json-edit.js";
import { dataFile, GRAPHS } from "./graph-files.js";

/**
 * `transformers.js_config` of a config.json beside a graph: in a browser Transformers.js would look for a q8
 * graph otherwise, and it does not look for data files by itself.
 * @param files paths of the graph and its data files
 */
export function graphHints(
  config: Readonly<Record<string, unknown>>,
  files: readonly string[],
): Readonly<Record<string, unknown>> {
  const hints = config["transformers.js_config"];
  const { use_external_data_format: counts, ...others } = isRecord(hints) ? hints : {};
  const names = new Set(files.map((path) => posix.basename(path)));
  const ours = GRAPHS.map((graph) => [graph, names.has(dataFile(graph)) ? 1 : 0]);
  const dataFiles = Object.entries({
    ...(isRecord(counts) ? counts : {}),
    ...Object.fromEntries(ours),
  }).filter(([, count]) => count !== 0);
  const external = { use_external_data_format: Object.fromEntries(dataFiles) };
  return { ...others, dtype: "fp32", ...(dataFiles.length > 0 && external) };
}
