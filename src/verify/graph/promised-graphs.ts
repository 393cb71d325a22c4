import type { LocalAttention } from "../../attention/variants.js";
import type { GraphDtype } from "../../base/graph-dtypes.js";
import { branchLengths, sweepLengths } from "../../runtime/lengths.js";
import type { Recorder } from "../recorder.js";
import { checkGraphFiles, graphCheckId } from "./checks.js";
import { exportAgain, type GraphCheck } from "./graph-check.js";

/** Looks at the graphs that are there, and for those that a conversion was asked for. */
export async function checkGraphs(
  graphsPromised: readonly GraphDtype[],
  check: GraphCheck,
  recorder: Recorder,
): Promise<void> {
  recorder.begin("ONNX files");
  const { checks, dtypes } = await checkGraphFiles(check);
  recorder.add(...checks);
  for (const dtype of graphsPromised.filter((promised) => !dtypes.includes(promised))) {
    recorder.add({
      id: graphCheckId("graph", dtype),
      title: `ONNX graph in ${dtype}`,
      verdict: "fail",
      detail: "the conversion was to write a graph; found none",
      remedy: exportAgain(dtype),
    });
  }
}

/** Graphs in float32 are run around the borders of blocks; of other dtypes the numbers are to be seen, not the shapes. */
export function graphLengths(
  attention: LocalAttention,
  reach: number,
  { dtype, asked }: { readonly dtype: GraphDtype; readonly asked: readonly number[] | undefined },
): readonly number[] {
  const inside = asked?.filter((length) => length <= reach);
  return sweepLengths(
    attention,
    reach,
    dtype === "fp32" ? inside : (inside ?? branchLengths(attention, reach)),
  );
}
