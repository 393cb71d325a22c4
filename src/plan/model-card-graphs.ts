import { posix } from "node:path";
import { type AutoClass, TASKS } from "../architectures/tasks.js";
import { GRAPH_DTYPES, type GraphDtype, inDtype } from "../base/graph-dtypes.js";
import { GENERATION_FILES, GRAPH_FILE } from "../checkpoint/graph-files.js";
import type { ConversionRecord } from "./types.js";

/** What graphs of a dtype are good for. */
const GRAPH_USES: Readonly<Record<GraphDtype, string>> = {
  fp32: "what the weights say, to float32's rounding",
  fp16: "half the size; for GPUs (masks, norms and selection are safe from overflow)",
  q8: "weights of 8 bits for each output, activations quantised as it runs: fastest on CPUs",
  q4: "weights of 4 bits in blocks of 32, embeddings of 8: smallest, and least exact",
};

/**
 * A model card's section about the graphs that a conversion writes beside the weights; none where it writes none.
 * @param auto the auto class that opens the result
 */
export function graphs({ options }: ConversionRecord, auto: AutoClass): string[] {
  const dtypes = GRAPH_DTYPES.filter((dtype) => [options.onnx ?? []].flat().includes(dtype));
  if (dtypes.length === 0) return [];
  const place = options.onnx_weights === "shared" ? "" : "onnx";
  const isWhole = !TASKS[auto].generates || options.task === TASKS.Model.name;
  const names = isWhole ? [GRAPH_FILE] : Object.values(GENERATION_FILES);
  const rows = dtypes.map((dtype) => {
    const files = names.map((name) => `\`${posix.join(place, inDtype(name, dtype))}\``);
    return `| \`${dtype}\` | ${files.join(", ")} | ${GRAPH_USES[dtype]} |`;
  });
  return [`## ONNX\n\n| dtype | files | |\n| --- | --- | --- |\n${rows.join("\n")}`];
}
