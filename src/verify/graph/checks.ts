import { join, posix } from "node:path";
import { taskOf } from "../../architectures/tasks.js";
import { type LocalAttention, takesGlobals } from "../../attention/variants.js";
import { GRAPH_DTYPES, type GraphDtype, inDtype } from "../../base/graph-dtypes.js";
import { GRAPH_FILE, graphFiles, graphsIn } from "../../checkpoint/graph-files.js";
import { readFunctions } from "../../onnx/read-functions.js";
import { headForTask } from "../../onnx/tasks.js";
import { branchLengths, sweepLengths } from "../../runtime/lengths.js";
import type { Session } from "../../runtime/session.js";
import { bringFile } from "../../runtime/workspace.js";
import type { CandidateTokens } from "../../tokenizer/candidate-tokens.js";
import { checkOps, type NamedOp } from "../attention/check-ops.js";
import { attempt, type Check, failureOf, type Outcome } from "../check.js";
import type { Recorder } from "../recorder.js";
import { closenessOf } from "./closeness.js";
import { compareBytes } from "./compare-bytes.js";
import { compareGeneration } from "./compare-generation.js";
import { compareWhole, exportedFor } from "./compare-whole.js";
import { exportAgain, type FoundGraphs, type GraphCheck, inSession } from "./graph-check.js";

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

/**
 * Looks at the graphs that lie in a folder, one dtype after the other: their bytes against what an export writes, their
 * attention ops against their definitions, their outputs against the folder's weights in float32.
 * @returns the checks, whose ids end in the dtype where it is not float32, and the dtypes that were found
 */
async function checkGraphFiles(given: GraphCheck): Promise<GraphFindings> {
  let check: GraphCheck;
  try {
    // With what follows the transformer in a sentence-transformers folder.
    check = { ...given, whole: await given.whole.withModules() };
  } catch (error) {
    return { checks: [failureOf("modules", "modules behind the transformer", error)], dtypes: GRAPH_DTYPES };
  }
  return checkGraphsOf(check);
}

/** What was found of a folder's graphs. */
interface GraphFindings {
  readonly checks: readonly Check[];
  /** In which there are graphs, or may be. */
  readonly dtypes: readonly GraphDtype[];
}

async function checkGraphsOf(check: GraphCheck): Promise<GraphFindings> {
  const { checkpoint, architecture, source } = check.whole;
  const head = headForTask(architecture, source.head, undefined);
  const known: Buffer[] = [];
  const checks: Check[] = [];
  const dtypes: GraphDtype[] = [];
  for (const dtype of GRAPH_DTYPES) {
    const files = graphFiles(checkpoint.source, taskOf(head).generates ?? false, dtype);
    if (files.length === 0) continue;
    const folder = join(check.scratch, `graph-${dtype}`);
    const found = { folder, dtype, files, closeness: closenessOf(dtype) };
    checks.push(...(await checkExport(found, known, check)));
    dtypes.push(dtype);
  }
  return { checks, dtypes };
}

/** The id of a check of graphs, for scripts: `graph`, `graph-q8`. */
export function graphCheckId(id: string, dtype: GraphDtype): string {
  return dtype === "fp32" ? id : `${id}-${dtype}`;
}

/** @param known ops that were looked at already; those of these graphs are added */
async function checkExport(found: FoundGraphs, known: Buffer[], check: GraphCheck): Promise<Check[]> {
  const { folder, dtype, files } = found;
  const { source, weightFiles } = check.whole.checkpoint;
  const graphs = files.filter((path) => graphsIn(dtype).includes(posix.basename(path)));
  const [first = ""] = graphs;
  // Data files must lie beside the graph as files, which in a cache of the Hub they do not.
  const isShared = posix.dirname(first) === "." && dtype === "fp32";
  const beside = isShared ? weightFiles.map(({ path }) => path) : [];
  for (const path of [...files, ...beside]) await bringFile(source, path, folder);
  const isWhole = posix.basename(first) === inDtype(GRAPH_FILE, dtype);
  const name = isWhole ? first : dtype === "fp32" ? "ONNX graphs" : `ONNX graphs in ${dtype}`;
  const id = (base: string) => graphCheckId(base, dtype);
  let task: string | undefined;
  let globalAttention: "input" | undefined;
  let candidates: CandidateTokens | undefined;
  const asksForGlobals = (session: Session) => session.inputNames.includes("global_attention_mask");
  const outputs = await attempt(id("graph"), `${name} and the weights`, () =>
    isWhole
      ? inSession(first, found, check, async (session) => {
          if (asksForGlobals(session)) globalAttention = "input";
          ({ task, candidates } = await exportedFor(session, check));
          return compareWhole(session, found, check, { task, candidates });
        })
      : compareGeneration(found, check),
  );
  // Of the graphs that generate the encoder's alone may have it; one that cannot be opened is found by its outputs.
  if (!isWhole && takesGlobals(check.op.attention)) {
    const asks = await inSession(first, found, check, async (session) => asksForGlobals(session)).catch(
      () => false,
    );
    if (asks) globalAttention = "input";
  }
  const bytes = await attempt(id("graph-bytes"), `${name}, bytes`, () =>
    compareBytes(found, check, { task, globalAttention, candidates }),
  );
  return [
    bytes,
    await attempt(id("graph-op"), `${name}, attention ops`, () => compareOps(found, graphs, known, check)),
    isTooLossy(dtype, bytes, outputs) ? { ...outputs, remedy: OTHER_DTYPE } : outputs,
  ];
}

/** Where an export would write the same again. */
const OTHER_DTYPE = "These weights lose too much in this dtype: convert again with --onnx fp32.";

/** Whether a graph is what an export writes, and all the same too far from float32. */
function isTooLossy(dtype: GraphDtype, bytes: Check, outputs: Check): boolean {
  return dtype !== "fp32" && bytes.verdict === "pass" && outputs.verdict === "fail";
}

/** Compares the ops that the graphs hold, each once. */
async function compareOps(
  { folder, dtype }: FoundGraphs,
  graphs: readonly string[],
  known: Buffer[],
  check: GraphCheck,
): Promise<Outcome> {
  const ops: NamedOp[] = [];
  for (const graph of graphs) {
    const functions = await readFunctions(join(folder, graph), graph);
    if (functions.length === 0) {
      const detail = `${graph} has no attention op of the domain lsg`;
      return { verdict: "fail", detail, remedy: exportAgain(dtype) };
    }
    for (const { proto, body } of functions) {
      if (known.some((other) => other.equals(body))) continue;
      known.push(body);
      const label = graphs.length > 1 ? `${proto.name} of ${graph}` : proto.name;
      ops.push({ label, attention: { name: proto.name, proto } });
    }
  }
  if (ops.length === 0) return { verdict: "pass", detail: "the same as those of the other graphs" };
  return checkOps(ops, { ...check.op, host: check.graphHost });
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
