import { join, posix } from "node:path";
import { equals } from "@bufbuild/protobuf";
import { FunctionProtoSchema } from "onnx-buf";
import { CANDIDATE_SCORING } from "../../onnx/candidate-task.js";
import { describeForExport } from "../../onnx/export-model.js";
import { GRAPH_FILE, GRAPHS, graphFiles } from "../../onnx/graph-files.js";
import { readFunctions } from "../../onnx/read-functions.js";
import { generates, headForTask } from "../../onnx/tasks.js";
import { type CandidateTokens, findCandidateTokens } from "../../tokenizer/candidate-tokens.js";
import { attempt, failureOf, type Outcome } from "../attempt.js";
import { checkOps, type NamedOp } from "../attention/check-ops.js";
import { bringFile } from "../model/workspace.js";
import type { Session } from "../session.js";
import type { Check } from "../types.js";
import { compareBytes } from "./compare-bytes.js";
import { compareCandidates, scoresCandidates } from "./compare-candidates.js";
import { compareGeneration } from "./compare-generation.js";
import { compareModel, exportedTask } from "./compare-outputs.js";
import { EXPORT_AGAIN, type FoundGraphs, type GraphCheck, inSession } from "./graph-check.js";

/**
 * Looks at the graphs that lie in a folder: their bytes against what an export writes, their attention ops against
 * their definitions, their outputs against the folder's weights.
 */
export async function checkGraphFiles(given: GraphCheck): Promise<Check[]> {
  let check: GraphCheck;
  try {
    check = await withModules(given);
  } catch (error) {
    return [failureOf("modules", "modules behind the transformer", error)];
  }
  return checkGraphsOf(check);
}

/** Sees the model with what follows it in a sentence-transformers folder. @throws CheckpointError for damaged modules */
async function withModules(given: GraphCheck): Promise<GraphCheck> {
  const { read } = given.read;
  const { checkpoint, model } = await describeForExport(read.checkpoint, { signal: given.signal });
  return { ...given, read: { ...given.read, read: { ...read, checkpoint }, model } };
}

async function checkGraphsOf(check: GraphCheck): Promise<Check[]> {
  const { read, model } = check.read;
  const { source, weightFiles } = read.checkpoint;
  const head = headForTask(model.architecture, model.source.head, undefined);
  const files = graphFiles(source, generates(head));
  const graphs = files.filter((path) => GRAPHS.includes(posix.basename(path)));
  const [first] = graphs;
  if (first === undefined) return [];
  const folder = join(check.scratch, "graph");
  // Data files must lie beside the graph as files, which in a cache of the Hub they do not.
  const beside = posix.dirname(first) === "." ? weightFiles.map(({ path }) => path) : [];
  for (const path of [...files, ...beside]) await bringFile(source, path, folder);
  const found: FoundGraphs = { folder, files };
  const isWhole = posix.basename(first) === GRAPH_FILE;
  const name = isWhole ? first : "ONNX graphs";
  let task: string | undefined;
  let globalAttention: "input" | undefined;
  let candidates: CandidateTokens | undefined;
  const takesGlobals = (session: Session) => session.inputNames.includes("global_attention_mask");
  const outputs = await attempt("graph", `${name} and the weights`, () =>
    isWhole
      ? inSession(first, found, check, (session) => {
          if (takesGlobals(session)) globalAttention = "input";
          if (scoresCandidates(session)) {
            task = CANDIDATE_SCORING;
            candidates = findCandidateTokens(read.contents, model.architecture.tokenizerClass);
            return compareCandidates(session, check, candidates);
          }
          task = exportedTask(session, check);
          return compareModel(session, check, task);
        })
      : compareGeneration(found, check),
  );
  // Of the graphs that generate the encoder's alone may have it; one that cannot be opened is found by its outputs.
  if (!isWhole && check.attention.kind === "longformer") {
    const asks = await inSession(first, found, check, async (session) => takesGlobals(session)).catch(
      () => false,
    );
    if (asks) globalAttention = "input";
  }
  return [
    await attempt("graph-bytes", `${name}, bytes`, () =>
      compareBytes(found, check, { task, globalAttention, candidates }),
    ),
    await attempt("graph-op", `${name}, attention ops`, () => compareOps(found, graphs, check)),
    outputs,
  ];
}

/** Compares the ops that the graphs hold, each once. */
async function compareOps(
  { folder }: FoundGraphs,
  graphs: readonly string[],
  check: GraphCheck,
): Promise<Outcome> {
  const ops: NamedOp[] = [];
  for (const graph of graphs) {
    const functions = await readFunctions(join(folder, graph), graph);
    if (functions.length === 0) {
      const detail = `${graph} has no attention op of the domain lsg`;
      return { verdict: "fail", detail, remedy: EXPORT_AGAIN };
    }
    for (const proto of functions) {
      if (ops.some(({ attention }) => equals(FunctionProtoSchema, attention.proto, proto))) continue;
      const label = graphs.length > 1 ? `${proto.name} of ${graph}` : proto.name;
      ops.push({ label, attention: { name: proto.name, proto } });
    }
  }
  return checkOps(ops, check);
}
