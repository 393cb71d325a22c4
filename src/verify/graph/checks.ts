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
import { type Batch, makeBatch } from "../model/batch.js";
import { type Difference, difference, larger, NO_DIFFERENCE, toleranceFor } from "../model/difference.js";
import { sweepLengths } from "../model/lengths.js";
import { running } from "../model/runnable.js";
import type { Subject } from "../model/subject.js";
import { bringFile } from "../model/workspace.js";
import type { ReadModel } from "../read-model.js";
import { formatNumber } from "../report/numbers.js";
import { type FloatTensor, openSession, type Session } from "../session.js";
import type { Check } from "../types.js";
import { largestAt, lengthsUpTo } from "../words.js";
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
  const graph = files.find((path) => posix.basename(path) === GRAPH_FILE);
  if (graph === undefined) return [];
  const folder = join(check.scratch, "graph");
  // Data files must lie beside the graph as files, which in a cache of the Hub they do not.
  const beside = graph === GRAPH_FILE ? check.read.read.checkpoint.weightFiles.map(({ path }) => path) : [];
  for (const path of [...files, ...beside]) await bringFile(source, path, folder);
  const path = join(folder, graph);
  const session = await attempt("graph", `${graph} and the weights`, async () => {
    const opened = await running(`${graph} cannot be loaded`, () =>
      openSession(check.runtime, path, { device: check.device }),
    );
    try {
      return await compareOutputs(opened, check);
    } finally {
      await opened.close();
    }
  });
  return [
    await attempt("graph-bytes", `${graph}, bytes`, () => compareBytes(folder, files, check)),
    await attempt("graph-op", `${graph}, attention op`, async () => {
      const functions = await readFunctions(path, graph);
      if (functions.length === 0) {
        return { verdict: "fail", detail: `${graph} has no attention op of the domain lsg`, remedy: REMEDY };
      }
      return worstOf(functions, (proto) => checkOp({ name: proto.name, proto }, check));
    }),
    session,
  ];
}

/** Looks at one after the other, up to the first that fails. */
async function worstOf<T>(all: readonly T[], look: (one: T) => Promise<Outcome>): Promise<Outcome> {
  let outcome: Outcome = { verdict: "skipped", detail: "there is nothing to look at" };
  for (const one of all) {
    outcome = await look(one);
    if (outcome.verdict === "fail") break;
  }
  return outcome;
}

/** Exports once more, in the same form, and compares the bytes. */
async function compareBytes(folder: string, files: readonly string[], check: GraphCheck): Promise<Outcome> {
  const { read, lsg, lshSeed, scratch, signal } = check;
  const graph = files.find((path) => posix.basename(path) === GRAPH_FILE) ?? GRAPH_FILE;
  const shared = posix.dirname(graph) === ".";
  const reader = await openWeights(read.read.checkpoint, () => ({ signal }));
  const again = join(scratch, "again");
  await mkdir(again, { recursive: true });
  try {
    const weights = shared ? sharedWeights() : copiedWeights(reader);
    const task = (await taskOf(check, join(folder, graph))) ?? undefined;
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

/** `feature-extraction` for the graph of a model with a head that leaves the head out. */
async function taskOf({ runtime, device }: GraphCheck, path: string): Promise<string | undefined> {
  const session = await running("the graph cannot be loaded", () => openSession(runtime, path, { device }));
  await session.close();
  return session.outputNames.join() === "last_hidden_state" ? "feature-extraction" : undefined;
}

async function compareOutputs(
  session: Session,
  { subject, read, longest, lengths }: GraphCheck,
): Promise<Outcome> {
  const { converted, lsg, inputs, seed, signal } = subject;
  const isBase = session.outputNames.join() === "last_hidden_state";
  const choices = !isBase && converted.head !== undefined && hasChoices(converted.head);
  const perToken = isBase
    ? read.model.sizes.hidden
    : Math.max(read.model.sizes.vocab, read.model.sizes.labels);
  const reach = Math.min(longest, Math.floor(MAX_OUTPUT / perToken));
  const found: { length: number; difference: Difference }[] = [];
  for (const length of sweepLengths(
    lsg,
    reach,
    lengths?.filter((one) => one <= reach),
  )) {
    signal?.throwIfAborted();
    const batch = makeBatch([inputs.random(length, seed + length)], inputs.padId);
    const actual = await running(`the graph does not run at ${length} tokens`, () =>
      session.run(feeds(session, batch, choices)),
    );
    const hidden = await converted.hidden(batch);
    const expected: Record<string, FloatTensor> = isBase
      ? { last_hidden_state: hidden }
      : await converted.outputs(hidden);
    const worst = Object.entries(expected)
      .map(([name, { values }]) => difference(values, actual[name]?.values ?? new Float32Array(0)))
      .reduce(larger, NO_DIFFERENCE);
    found.push({ length, difference: worst });
  }
  if (found.length === 0) {
    return {
      verdict: "skipped",
      detail: `outputs of more than ${reach} tokens are not compared: they are too large`,
    };
  }
  const worst = found.reduce((a, b) => (a.difference.largest >= b.difference.largest ? a : b));
  const failed = found.filter((one) => !(one.difference.largest <= toleranceFor(one.difference)));
  const figure = {
    value: worst.difference.largest,
    tolerance: toleranceFor(worst.difference),
    length: worst.length,
  };
  return {
    ...judge(
      failed.map(({ length, difference: { largest } }) => `${length} tokens: ${formatNumber(largest)}`),
      `${lengthsUpTo(found.map(({ length }) => length))}: ${largestAt(figure.value, figure.length)}`,
      `${largestAt(figure.value, figure.length)}, allowed ${formatNumber(figure.tolerance)}`,
      REMEDY,
    ),
    figure,
  };
}

/** The inputs that a graph has; with choices (batch, 1, length). */
function feeds({ inputNames }: Session, { inputs }: Batch, choices: boolean) {
  const known = Object.entries(inputs).filter(([name]) => inputNames.includes(name));
  return Object.fromEntries(
    known.map(([name, tensor]) => {
      const [batch = 1, length = 0] = tensor.dims;
      return [name, choices ? { ...tensor, dims: [batch, 1, length] } : tensor];
    }),
  );
}
