import { mkdir, rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { inDtype } from "../../base/graph-dtypes.js";
import { dataFile } from "../../checkpoint/graph-files.js";
import { openWeights } from "../../checkpoint/weight-reader.js";
import { weightsIn } from "../../onnx/dtype-weights.js";
import { exportedGraphs } from "../../onnx/exported-graphs.js";
import type { GraphOptions } from "../../onnx/graph.js";
import { writeModel } from "../../onnx/writer.js";
import { counted } from "../../report/numbers.js";
import { firstDifference } from "../byte-streams.js";
import { judge, type Outcome } from "../check.js";
import { exportAgain, type FoundGraphs, type GraphCheck } from "./graph-check.js";

/**
 * Exports once more, in the same form, and compares the bytes: one graph after the other, as each may hold all
 * weights.
 * @param exported what the graphs were exported for; by default the model's own
 */
export async function compareBytes(
  { folder, dtype, files }: FoundGraphs,
  { whole, op: { attention, lshSeed }, scratch, signal }: GraphCheck,
  exported: Pick<GraphOptions, "task" | "globalAttention" | "candidates">,
): Promise<Outcome> {
  const place = posix.dirname(files[0] ?? "");
  const reader = await openWeights(whole.checkpoint, () => ({ signal }));
  const again = join(scratch, "again");
  const findings: string[] = [];
  const expected = new Set<string>();
  try {
    const weights = weightsIn(dtype, reader, place === ".");
    const graphs = exportedGraphs(whole, weights, { attention, ...exported, seed: lshSeed });
    for (const [base, model] of graphs) {
      signal?.throwIfAborted();
      const name = inDtype(base, dtype);
      const [graph, data] = [name, dataFile(name)].map((file) => posix.join(place, file)) as [string, string];
      expected.add(graph).add(data);
      if (!files.includes(graph)) {
        findings.push(`${graph} is missing`);
        continue;
      }
      const form = files.includes(data) ? "external" : "embedded";
      await mkdir(again);
      await writeModel(join(again, name), model, { weights: form, signal });
      for (const file of form === "external" ? [graph, data] : [graph]) {
        const at = await firstDifference(join(folder, file), join(again, posix.basename(file)));
        if (at !== undefined) findings.push(`${file} differs from byte ${at} on`);
      }
      await rm(again, { recursive: true });
    }
  } finally {
    await reader.close();
  }
  const others = files.filter((file) => !expected.has(file));
  findings.push(...others.map((file) => `${file} is not what this class is exported as`));
  return judge(
    findings,
    files.length > 2
      ? `${counted(files.length, "file")}, byte for byte`
      : `${files.join(" and ")}, byte for byte`,
    "not what this version of lsg writes for these weights",
    exportAgain(dtype),
  );
}
