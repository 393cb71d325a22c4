import { TASKS, taskOf } from "../../architectures/tasks.js";
import { outgrowsTable } from "../../attention/variants.js";
import { openWeights } from "../../checkpoint/weight-reader.js";
import type { Model } from "../../model/model.js";
import { type Modules, moduleTensor } from "../../model/modules.js";
import { stepTensors } from "../../model/steps.js";
import { exported, headForTask } from "../../onnx/tasks.js";
import { type Batch, makeBatch, withChoices } from "../../runtime/batch.js";
import { decoderIds } from "../../runtime/head-question.js";
import type { Runnable } from "../../runtime/runnable.js";
import type { Session } from "../../runtime/session.js";
import { type FloatTensor, tokensOf } from "../../runtime/tensors.js";
import type { Outcome } from "../check.js";
import { modulesByDefinition } from "../definition/modules.js";
import { type DifferenceFound, type Judgement, judgeByLength } from "../model/difference.js";
import { exportAgain, type FoundGraphs, type OutputCheck, type Question } from "./graph-check.js";

/** Numbers that one run may give back: a graph with a large vocabulary is not run at its longest inputs. */
const MAX_OUTPUT = 2 ** 27;

const ENCODER_OUTPUT = "encoder_last_hidden_state";

/**
 * Compares the outputs of a graph of a whole model with those of the folder's weights.
 * @param task what the graph was exported for, where that is not what the model is for
 */
export async function compareModel(
  session: Session,
  graphs: FoundGraphs,
  check: OutputCheck,
  task: string | undefined,
): Promise<Outcome> {
  const { head, modules } = exported(check.whole, task);
  const own = exported({ ...check.whole, modules: undefined }, undefined).head;
  // Pooling decides what stands for the first token of several windows.
  const isOwn = head === own && !(modules && outgrowsTable(check.whole.attention()));
  const base = isOwn ? undefined : await check.openBase(modules);
  const followed = modules && (await openModules(check.whole, modules));
  try {
    const { found, reach } = await compareByLength(session, graphs, check, (batch) =>
      askModel(base ?? check.model, session, batch, check, followed),
    );
    const what = modules ? `, ${modules.output.name} as its modules define it` : "";
    if (found.length > 0) return judgeCloseness(found, graphs, { what });
    const detail = `outputs of more than ${reach} tokens are not compared: they are too large`;
    return { verdict: "skipped", detail };
  } finally {
    await base?.close();
  }
}

/** What a graph was exported for, by its outputs: undefined for what the model is for. */
export function exportedTask({ outputNames }: Session, { whole }: OutputCheck): string | undefined {
  const { modules, architecture, source } = whole;
  const own = headForTask(architecture, source.head, undefined);
  const names = outputNames.filter((name) => name !== ENCODER_OUTPUT);
  if (modules && names.includes(modules.output.name)) return undefined;
  const isBase = names.join() === "last_hidden_state";
  if (isBase) return modules || Object.keys(own.outputs).length > 0 ? TASKS.Model.name : undefined;
  return modules ? taskOf(own).name : undefined;
}

/** Runs a graph at the borders of blocks, as far as its outputs are not too large. @returns how far that is */
export async function compareByLength(
  session: Session,
  { dtype, closeness }: FoundGraphs,
  { model, inputs, row, rows: makeRows, lengths, whole, seed, answers, signal }: OutputCheck,
  ask: (batch: Batch) => Promise<Question>,
): Promise<{ found: DifferenceFound[]; reach: number }> {
  const usualRows = (length: number) => {
    const rows = [row(length, seed + length)];
    // Pooling passes over padding.
    if (whole.modules) rows.push(row(Math.ceil(length / 2), seed));
    return makeBatch(rows, inputs.padId);
  };
  const outputsAt = async (length: number, index = 0) => {
    const batch = makeRows?.(length, seed + length, index) ?? usualRows(length);
    const question = answers?.get(length) ?? (await ask(batch));
    answers?.set(length, question);
    const known = Object.entries(question.inputs).filter(([name]) => session.inputNames.includes(name));
    return { expected: question.expected, actual: await session.run(Object.fromEntries(known)) };
  };
  const one = Object.values((await outputsAt(1)).actual);
  const perToken = one.reduce((sum, { values }) => sum + values.length, 0);
  const reach = Math.min(model.longest, Math.floor(MAX_OUTPUT / perToken));
  const found: DifferenceFound[] = [];
  for (const [index, length] of lengths(reach, dtype).entries()) {
    signal?.throwIfAborted();
    const { expected, actual } = await outputsAt(length, index);
    found.push({ length, difference: closeness.between(expected, actual) });
  }
  return { found, reach };
}

/** Judges a graph by how near it has to be. */
export function judgeCloseness<T extends DifferenceFound>(
  found: readonly T[],
  { closeness, dtype }: FoundGraphs,
  judgement: Partial<Judgement<T>> = {},
): Outcome {
  const { tolerance, measure, more } = closeness;
  const outcome = judgeByLength(found, { tolerance, measure, remedy: exportAgain(dtype), ...judgement });
  return { ...outcome, detail: outcome.detail + more() };
}

async function askModel(
  runnable: Runnable,
  { outputNames }: Session,
  batch: Batch,
  { inputs, seed }: OutputCheck,
  modules: OpenModules | undefined,
): Promise<Question> {
  const question = { decoderIds: decoderIds(batch, runnable.model, inputs, seed) };
  const given = runnable.head && taskOf(runnable.head).hasChoices ? withChoices(batch.inputs) : batch.inputs;
  const encoded = await runnable.encode(batch);
  const own = await runnable.outputs(encoded, question);
  const followed = own.last_hidden_state && modules?.run(own.last_hidden_state, batch);
  // A ColBERT's graph gives its vectors alone.
  const outputs = followed && modules?.perToken ? followed : { ...own, ...followed };
  return {
    inputs: { ...given, decoder_input_ids: question.decoderIds },
    expected: outputNames.includes(ENCODER_OUTPUT)
      ? { ...outputs, [ENCODER_OUTPUT]: encoded.states }
      : outputs,
  };
}

/** Modules with their weights at hand. */
interface OpenModules {
  /** Whether they give vectors of tokens. */
  readonly perToken: boolean;
  /** What they make of a batch's last hidden state, by the graph's name for it. */
  run(hidden: FloatTensor, batch: Batch): Record<string, FloatTensor>;
}

/** Reads the weights of what follows a transformer, to compute it by its definition. */
async function openModules({ checkpoint }: Model, modules: Modules): Promise<OpenModules> {
  const reader = await openWeights(checkpoint, () => ({}));
  const weights = new Map<string, ArrayLike<number>>();
  try {
    for (const { folder, name, shape } of modules.steps.flatMap(stepTensors)) {
      const tensor = moduleTensor(folder, name);
      weights.set(tensor, await reader.values({ tensor, start: 0, count: shape[0] ?? 1, step: 1 }));
    }
  } finally {
    await reader.close();
  }
  return {
    perToken: modules.output.perToken,
    run(hidden, { inputs, length, visible }) {
      const mask = Array.from(inputs.attention_mask?.values ?? []);
      const rows = visible.map((_, row) => row);
      const made = modulesByDefinition(modules, {
        tokens: rows.map((row) =>
          Array.from({ length }, (_, i) => Float64Array.from(tokensOf(hidden, row, i, i + 1))),
        ),
        mask: rows.map((row) => mask.slice(row * length, (row + 1) * length)),
        tensor: (name) => weights.get(name) ?? [],
      });
      const { name, perToken, width } = modules.output;
      const values = Float32Array.from(made.flat().flatMap((vector) => [...vector]));
      return { [name]: { dims: [rows.length, ...(perToken ? [length] : []), width], values } };
    },
  };
}
