import { effectiveSparsity } from "../../onnx/functions/sparse/index.js";
import { hasChoices } from "../../onnx/tasks.js";
import { poolerSpecs } from "../../plan/tensor-specs.js";
import type { LsgConfig } from "../../variants/lsg-config.js";
import { judge, type Outcome } from "../attempt.js";
import { type Batch, makeBatch, withChoices } from "../model/batch.js";
import { HEAD_TOKENS, raggedBatch } from "../model/comparison.js";
import { type Difference, difference, excess, toleranceFor, visibleDifference } from "../model/difference.js";
import { sweepLengths } from "../model/lengths.js";
import type { Runnable } from "../model/runnable.js";
import type { Subject } from "../model/subject.js";
import type { ReadModel } from "../read-model.js";
import { formatNumber } from "../report/numbers.js";
import type { FloatTensor } from "../session.js";
import { counted, largestAt, lengthsUpTo } from "../words.js";
import { type Answer, askTransformers } from "./ask-transformers.js";

/** Where Python is; empty: nowhere. */
const VARIABLE = "LSG_PYTHON";

const NO_PYTHON = `Name a Python that has torch and transformers (4.40 or later): ${VARIABLE}=PATH.`;

const NOTHING: FloatTensor = { dims: [], values: new Float32Array(0) };

export interface TransformersCheck {
  readonly read: ReadModel;
  /** Whether the folder's Python files are those that come with lsg: no others are run. */
  readonly isOurs: boolean;
  /** A folder of our own. */
  readonly scratch: string;
  /** Opens the converted model on the CPU, where PyTorch computes. */
  readonly openOnCpu: () => Promise<Runnable>;
}

/** What both sides are fed with. */
interface Inputs {
  readonly batches: readonly Batch[];
  /** For the outputs of the whole model, if it has a head. Without padding. */
  readonly head: Batch | undefined;
}

interface Found {
  readonly what: string;
  readonly length: number;
  readonly difference: Difference;
}

/**
 * Opens the converted folder with transformers, where that is at hand, and compares what its modelling code
 * computes with what the graphs over the same weights do.
 */
export async function checkTransformers(
  subject: Subject,
  { read, isOurs, scratch, openOnCpu }: TransformersCheck,
): Promise<Outcome> {
  const interpreter = process.env[VARIABLE] ?? (process.platform === "win32" ? "python" : "python3");
  if (interpreter === "") return notCovered(`${VARIABLE} is empty`, NO_PYTHON);
  if (!isOurs) {
    return notCovered("Python code that does not come with lsg is not run", "Convert the original again.");
  }
  const inputs = makeInputs(subject);
  if (inputs.batches.length === 0) {
    return notCovered(
      "lsh picks at random at these lengths",
      `Name one below ${2 * subject.lsg.block_size}.`,
    );
  }
  const answer = await askTransformers(interpreter, {
    read,
    batches: inputs.batches.map((batch) => feeds(batch, read)),
    head: inputs.head && feeds(inputs.head, read, true),
    scratch,
    signal: subject.signal,
  });
  if ("unusable" in answer) return notCovered(`${interpreter}: ${answer.unusable}`, NO_PYTHON);
  if ("error" in answer) {
    return {
      verdict: "fail",
      detail: `transformers cannot run the folder: ${answer.error}`,
      remedy: "Convert the original again, or try another version of transformers.",
    };
  }
  const found = await compareWith(await openOnCpu(), inputs, answer, subject.signal);
  const without = answer.missing.filter((name) => !isOptional(name, read));
  return conclude(found, without, describe(answer, inputs, subject.lsg));
}

/** Around the borders of blocks, or at the lengths that were asked for; where lsh is random only below it. */
function makeInputs({ converted, inputs, lsg, lengths, seed }: Subject): Inputs {
  const { longest, head } = converted;
  const full = 2 * lsg.block_size;
  const all = sweepLengths(lsg, lengths ? longest : Math.min(longest, full + lsg.block_size + 5), lengths);
  const tokens = Math.min(HEAD_TOKENS, full, longest);
  return {
    batches: all
      .filter((length) => length <= full || !isRandom(lsg))
      .map((length) => raggedBatch(inputs, length, seed + length)),
    head: head && makeBatch([inputs.text(tokens, seed), inputs.random(tokens, seed)], inputs.padId),
  };
}

/** Whether attention depends on numbers that PyTorch draws anew in every run, beyond two blocks. */
function isRandom(lsg: LsgConfig): boolean {
  return effectiveSparsity(lsg) === "lsh" && lsg.sparsity_factor > 1;
}

/** The inputs that the classes of a model type take; with choices (batch, 1, length). */
function feeds({ inputs }: Batch, { model: { architecture, source, sizes } }: ReadModel, choices = false) {
  const { usesTokenTypes } = architecture.encoder.embeddings;
  const known = Object.entries(inputs).filter(
    ([name]) => name !== "token_type_ids" || (usesTokenTypes && sizes.types > 0),
  );
  const wants = choices && source.head !== undefined && hasChoices(source.head);
  return wants ? withChoices(Object.fromEntries(known)) : Object.fromEntries(known);
}

async function compareWith(
  graphs: Runnable,
  { batches, head }: Inputs,
  answer: Answer,
  signal: AbortSignal | undefined,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const [i, batch] of batches.entries()) {
    signal?.throwIfAborted();
    const away = visibleDifference(await graphs.hidden(batch), answer.hidden[i] ?? NOTHING, batch);
    found.push({ what: "hidden states", length: batch.length, difference: away });
  }
  const outputs = head ? await graphs.outputs(await graphs.hidden(head)) : {};
  for (const [what, { values }] of Object.entries(outputs)) {
    const away = difference(values, (answer.head[what] ?? NOTHING).values);
    found.push({ what, length: head?.length ?? 0, difference: away });
  }
  return found;
}

/** @param without parameters that transformers found no weights for */
function conclude(found: readonly Found[], without: readonly string[], ran: string): Outcome {
  const { length, difference } = found.reduce((a, b) =>
    excess(a.difference) >= excess(b.difference) ? a : b,
  );
  const findings = [
    ...without.map((name) => `transformers finds no weights for ${name}`),
    ...found.filter((one) => excess(one.difference) > 1).map(tooFar),
  ];
  return {
    ...judge(
      findings,
      `${ran}: ${largestAt(difference.largest, length)}`,
      `${ran}: not what the graph computes`,
      "Do not open the folder with this version of transformers, and report it.",
    ),
    figure: { value: difference.largest, tolerance: toleranceFor(difference), length },
  };
}

function tooFar({ what, length, difference }: Found): string {
  const [found, allowed] = [difference.largest, toleranceFor(difference)].map(formatNumber);
  return `${what} differ by ${found} at ${counted(length, "token")}, allowed ${allowed}`;
}

function describe({ torch, transformers, ...answer }: Answer, { batches }: Inputs, lsg: LsgConfig): string {
  const unread = answer.unexpected.length;
  return [
    `transformers ${transformers} with torch ${torch}`,
    `${answer.class} at ${lengthsUpTo(batches.map(({ length }) => length))} tokens`,
    ...(isRandom(lsg) ? ["none longer, where lsh picks at random"] : []),
    ...(unread > 0 ? [`${counted(unread, "tensor")} without a place in that class`] : []),
  ].join(", ");
}

/** The base class works without its pooler, and many checkpoints come without it. */
function isOptional(name: string, { model: { architecture, source, sizes, tensors } }: ReadModel): boolean {
  const isBase = source.head === undefined || source.head === architecture.heads.Model;
  return (
    isBase && !tensors.has(name) && poolerSpecs(architecture, sizes).some((pooler) => pooler.name === name)
  );
}

function notCovered(reason: string, remedy: string): Outcome {
  return { verdict: "skipped", detail: `NOT COVERED: ${reason}`, remedy };
}
