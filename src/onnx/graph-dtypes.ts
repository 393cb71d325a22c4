import { posix } from "node:path";

/** What graphs come in: the command line's names, which are Transformers.js's, and what their files' names end in. */
const SUFFIXES = { fp32: "", fp16: "_fp16", q8: "_quantized", q4: "_q4" } as const;

/** The numbers that a graph's weights are kept in. */
export type GraphDtype = keyof typeof SUFFIXES;

/** In the order in which reports and files have them. */
export const GRAPH_DTYPES = Object.keys(SUFFIXES) as [GraphDtype, ...GraphDtype[]];

/** The file of a graph in a dtype: `model.onnx` → `model_quantized.onnx`. */
export function inDtype(file: string, dtype: GraphDtype): string {
  const { dir, name, ext } = posix.parse(file);
  return posix.join(dir, `${name}${SUFFIXES[dtype]}${ext}`);
}
