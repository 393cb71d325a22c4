import { posix } from "node:path";
import { GRAPH_DTYPES, type GraphDtype } from "../base/graph-dtypes.js";
import { dataFile, graphsIn } from "../checkpoint/graph-files.js";
import { isRecord } from "../json/json-edit.js";

/**
 * `transformers.js_config` of a config.json beside graphs: which of them Transformers.js is to take, where those are
 * missing that it takes by itself, and which have data files, for which it does not look.
 * @param files paths of the graphs and their data files
 * @returns undefined where there is nothing that it would not do by itself
 */
export function graphHints(
  config: Readonly<Record<string, unknown>>,
  files: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  const hints = config["transformers.js_config"];
  const { use_external_data_format: counts, dtype: _, ...others } = isRecord(hints) ? hints : {};
  const names = new Set(files.map((path) => posix.basename(path)));
  const graphs = GRAPH_DTYPES.flatMap(graphsIn);
  const ours = graphs.map((graph) => [graph, names.has(dataFile(graph)) ? 1 : 0]);
  const dataFiles = Object.entries({
    ...(isRecord(counts) ? counts : {}),
    ...Object.fromEntries(ours),
  }).filter(([, count]) => count !== 0);
  const external = { use_external_data_format: Object.fromEntries(dataFiles) };
  const found = GRAPH_DTYPES.filter((dtype) => graphsIn(dtype).some((graph) => names.has(graph)));
  const all = { ...others, ...dtypeHint(found), ...(dataFiles.length > 0 && external) };
  return Object.keys(all).length > 0 ? all : undefined;
}

/** Left to itself Transformers.js takes q8 in a browser's wasm, and fp32 elsewhere. Else the most exact there is. */
function dtypeHint(found: readonly GraphDtype[]): { readonly dtype?: GraphDtype } {
  const [best = "fp32"] = found;
  return found.includes("fp32") && found.includes("q8") ? {} : { dtype: best };
}
