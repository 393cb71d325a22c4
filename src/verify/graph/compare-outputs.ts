import { hasChoices, headForTask } from "../../onnx/tasks.js";
import type { Outcome } from "../attempt.js";
import { type Batch, makeBatch, withChoices } from "../model/batch.js";
import { type DifferenceFound, judgeByLength } from "../model/by-length.js";
import { outputDifference } from "../model/comparison.js";
import { decoderIds } from "../model/head-question.js";
import { sweepLengths } from "../model/lengths.js";
import type { Runnable } from "../model/runnable.js";
import type { FloatTensor, NumberTensor, Session } from "../session.js";
import { EXPORT_AGAIN, type GraphCheck } from "./graph-check.js";

/** Numbers that one run may give back: a graph with a large vocabulary is not run at its longest inputs. */
const MAX_OUTPUT = 2 ** 27;

const ENCODER_OUTPUT = "encoder_last_hidden_state";

/** What a graph is fed with, and what the weights say that it gives. */
export interface Question {
  readonly inputs: Readonly<Record<string, NumberTensor>>;
  readonly expected: Readonly<Record<string, FloatTensor>>;
}

/** Compares a graph that holds a whole model with what the folder's weights say. */
export async function compareModel(session: Session, check: GraphCheck): Promise<Outcome> {
  const runnable = leavesHeadOut(session, check) ? await check.openBase() : check.subject.converted;
  try {
    const { found, reach } = await compareByLength(session, check, (batch) =>
      askModel(runnable, session, batch, check),
    );
    if (found.length > 0) return judgeByLength(found, { remedy: EXPORT_AGAIN });
    const detail = `outputs of more than ${reach} tokens are not compared: they are too large`;
    return { verdict: "skipped", detail };
  } finally {
    if (runnable !== check.subject.converted) await runnable.close();
  }
}

/** Whether a graph has the outputs of the base class, for a model that has a head. */
export function leavesHeadOut({ outputNames }: Session, { read: { model } }: GraphCheck): boolean {
  const { outputs } = headForTask(model.architecture, model.source.head, undefined);
  const names = outputNames.filter((name) => name !== ENCODER_OUTPUT);
  return Object.keys(outputs).length > 0 && names.join() === "last_hidden_state";
}

/** Runs a graph at the borders of blocks, as far as its outputs are not too large. @returns how far that is */
export async function compareByLength(
  session: Session,
  { subject, longest, lengths }: GraphCheck,
  ask: (batch: Batch) => Promise<Question>,
): Promise<{ found: DifferenceFound[]; reach: number }> {
  const { inputs, attention, seed, signal } = subject;
  const outputsAt = async (length: number) => {
    const batch = makeBatch([inputs.random(length, seed + length)], inputs.padId);
    const question = await ask(batch);
    const known = Object.entries(question.inputs).filter(([name]) => session.inputNames.includes(name));
    return { expected: question.expected, actual: await session.run(Object.fromEntries(known)) };
  };
  const one = Object.values((await outputsAt(1)).actual);
  const perToken = one.reduce((sum, { values }) => sum + values.length, 0);
  const reach = Math.min(longest, Math.floor(MAX_OUTPUT / perToken));
  const asked = lengths?.filter((length) => length <= reach);
  const found: DifferenceFound[] = [];
  for (const length of sweepLengths(attention, reach, asked)) {
    signal?.throwIfAborted();
    const { expected, actual } = await outputsAt(length);
    found.push({ length, difference: outputDifference(expected, actual) });
  }
  return { found, reach };
}

async function askModel(
  runnable: Runnable,
  { outputNames }: Session,
  batch: Batch,
  { subject: { inputs, seed } }: GraphCheck,
): Promise<Question> {
  const question = { decoderIds: decoderIds(batch, runnable.model, inputs, seed) };
  const given = runnable.head && hasChoices(runnable.head) ? withChoices(batch.inputs) : batch.inputs;
  const encoded = await runnable.encode(batch);
  const outputs = await runnable.outputs(encoded, question);
  return {
    inputs: { ...given, decoder_input_ids: question.decoderIds },
    expected: outputNames.includes(ENCODER_OUTPUT)
      ? { ...outputs, [ENCODER_OUTPUT]: encoded.states }
      : outputs,
  };
}
