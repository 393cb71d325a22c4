import { posix } from "node:path";

/** What graphs come in, by the command line's and Transformers.js's names: what the names of their files end in. */
const SUFFIXES = { fp32: "", fp16: "_fp16", q8: "_quantized", q4: "_q4" } as const;

/** The numbers in which a graph keeps its weights. */
export type GraphDtype = keyof typeof SUFFIXES;

/** The dtypes that lose something. */
export type SmallDtype = Exclude<GraphDtype, "fp32">;

export function isSmall(dtype: GraphDtype): dtype is SmallDtype {
  return dtype !== "fp32";
}

/** From the most exact to the smallest. */
export const GRAPH_DTYPES = Object.keys(SUFFIXES) as [GraphDtype, ...GraphDtype[]];

/** The file of a graph in a dtype: `model.onnx` → `model_quantized.onnx`. */
export function inDtype(graph: string, dtype: GraphDtype): string {
  const { dir, name, ext } = posix.parse(graph);
  return posix.join(dir, `${name}${SUFFIXES[dtype]}${ext}`);
}
