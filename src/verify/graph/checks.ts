import { mkdir } from "node:fs/promises";
import { join, posix } from "node:path";
import { copiedWeights } from "../../onnx/copied-weights.js";
import { modelGraph } from "../../onnx/graph.js";
import { GRAPH_FILE, graphFiles } from "../../onnx/graph-files.js";
import { readFunctions } from "../../onnx/read-functions.js";
import { sharedWeights } from "../../onnx/shared-weights.js";
import { hasChoices } from "../../onnx/tasks.js";
import { writeModel } from "../../onnx/writer.js";
import { openWeights } from "../../write/weight-reader.js";
import { attempt, judge, type Outcome } from "../attempt.js";
import { checkOp, type OpCheck } from "../attention/check-op.js";
import { type Batch, makeBatch, withChoices } from "../model/batch.js";
import { type DifferenceFound, judgeByLength } from "../model/by-length.js";
import { outputDifference } from "../model/comparison.js";
import { sweepLengths } from "../model/lengths.js";
import { running } from "../model/runnable.js";
import type { Subject } from "../model/subject.js";
import { bringFile } from "../model/workspace.js";
import type { ReadModel } from "../read-model.js";
import { openSession, type Session } from "../session.js";
import type { Check } from "../types.js";
import { counted } from "../words.js";
import { firstDifference } from "./first-difference.js";

/** Numbers that one run may give back: a graph with a large vocabulary is not run at its longest inputs. */
const MAX_OUTPUT = 2 ** 27;

const REMEDY = "Export it again: lsg export FOLDER.";

export interface GraphCheck extends OpCheck {
  readonly subject: Subject;
  readonly read: ReadModel;
  /** A folder of our own. */
  readonly scratch: string;
}

/**
 * Looks at the graph that lies in a folder: its bytes against what an export writes, its attention ops against
 * their definition, its outputs against the folder's weights.
 */
export async function checkGraphFiles(check: GraphCheck): Promise<Check[]> {
  const { source } = check.read.read.checkpoint;
  const files = graphFiles(source);
  const [graph] = files;
  if (graph === undefined) return [];
  const folder = join(check.scratch, "graph");
  // Data files must lie beside the graph as files, which in a cache of the Hub they do not.
  const beside = graph === GRAPH_FILE ? check.read.read.checkpoint.weightFiles.map(({ path }) => path) : [];
  for (const path of [...files, ...beside]) await bringFile(source, path, folder);
  const path = join(folder, graph);
  let leavesHeadOut = false;
  const outputs = await attempt("graph", `${graph} and the weights`, async () => {
    const opened = await running(`${graph} cannot be loaded`, () =>
      openSession(check.runtime, path, { device: check.device }),
    );
    leavesHeadOut = isBaseGraph(opened);
    try {
      return await compareOutputs(opened, check);
    } finally {
      await opened.close();
    }
  });
  return [
    await attempt("graph-bytes", `${graph}, bytes`, () => compareBytes(folder, files, leavesHeadOut, check)),
    await attempt("graph-op", `${graph}, attention op`, async () => {
      const functions = await readFunctions(path, graph);
      if (functions.length === 0) {
        return { verdict: "fail", detail: `${graph} has no attention op of the domain lsg`, remedy: REMEDY };
      }
      return firstFailure(functions, (proto) => checkOp({ name: proto.name, proto }, check));
    }),
    outputs,
  ];
}

/** Looks at one after the other, up to the first that fails. */
async function firstFailure<T>(all: readonly T[], look: (one: T) => Promise<Outcome>): Promise<Outcome> {
  let outcome: Outcome = { verdict: "skipped", detail: "there is nothing to look at" };
  for (const one of all) {
    outcome = await look(one);
    if (outcome.verdict === "fail") break;
  }
  return outcome;
}

/** Exports once more, in the same form, and compares the bytes. */
async function compareBytes(
  folder: string,
  files: readonly string[],
  leavesHeadOut: boolean,
  { read, lsg, lshSeed, scratch, signal }: GraphCheck,
): Promise<Outcome> {
  const shared = files.includes(GRAPH_FILE);
  const reader = await openWeights(read.read.checkpoint, () => ({ signal }));
  const again = join(scratch, "again");
  await mkdir(again, { recursive: true });
  try {
    const weights = shared ? sharedWeights() : copiedWeights(reader);
    const task = leavesHeadOut ? "feature-extraction" : undefined;
    const model = modelGraph(read.model, weights, { lsg, task, seed: lshSeed });
    const form = files.length > 1 ? "external" : "embedded";
    await writeModel(join(again, GRAPH_FILE), model, { weights: form, signal });
  } finally {
    await reader.close();
  }
  const findings: string[] = [];
  for (const file of files) {
    const at = await firstDifference(join(folder, file), join(again, posix.basename(file)));
    if (at !== undefined) findings.push(`${file} differs from byte ${at} on`);
  }
  return judge(
    findings,
    `${files.join(" and ")}, byte for byte`,
    "not what this version of lsg writes for these weights",
    REMEDY,
  );
}

async function compareOutputs(session: Session, check: GraphCheck): Promise<Outcome> {
  const { subject, longest, lengths } = check;
  const one = Object.values((await outputsAt(session, check, 1)).actual);
  const perToken = one.reduce((sum, { values }) => sum + values.length, 0);
  const reach = Math.min(longest, Math.floor(MAX_OUTPUT / perToken));
  const found: DifferenceFound[] = [];
  for (const length of sweepLengths(
    subject.lsg,
    reach,
    lengths?.filter((asked) => asked <= reach),
  )) {
    subject.signal?.throwIfAborted();
    const { expected, actual } = await outputsAt(session, check, length);
    found.push({ length, difference: outputDifference(expected, actual) });
  }
  if (found.length > 0) return judgeByLength(found, { remedy: REMEDY });
  const detail = `outputs of more than ${reach} tokens are not compared: they are too large`;
  return { verdict: "skipped", detail };
}

/** What the weights say and what the graph gives, of one random input. */
async function outputsAt(session: Session, { subject }: GraphCheck, length: number) {
  const { converted, inputs, seed } = subject;
  const isBase = isBaseGraph(session);
  const choices = !isBase && converted.head !== undefined && hasChoices(converted.head);
  const batch = makeBatch([inputs.random(length, seed + length)], inputs.padId);
  const actual = await running(`the graph does not run at ${counted(length, "token")}`, () =>
    session.run(feeds(session, batch, choices)),
  );
  const hidden = await converted.hidden(batch);
  const expected = isBase ? { last_hidden_state: hidden } : await converted.outputs(hidden);
  return { expected, actual };
}

/** Whether a graph leaves the model's head out. */
function isBaseGraph({ outputNames }: Pick<Session, "outputNames">): boolean {
  return outputNames.join() === "last_hidden_state";
}

/** The inputs that a graph has; with choices (batch, 1, length). */
function feeds({ inputNames }: Session, { inputs }: Batch, choices: boolean) {
  const known = Object.entries(inputs).filter(([name]) => inputNames.includes(name));
  return choices ? withChoices(Object.fromEntries(known)) : Object.fromEntries(known);
}
