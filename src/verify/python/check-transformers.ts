import { isBase, taskOf } from "../../architectures/tasks.js";
import {
  borderOf,
  isRandom,
  type LocalAttention,
  outgrowsTable,
  takesGlobals,
} from "../../attention/variants.js";
import type { Model } from "../../model/model.js";
import { poolerSpecs } from "../../model/tensor-specs.js";
import { counted, formatNumber, largestAt, lengthsUpTo } from "../../report/numbers.js";
import { type Batch, makeBatch, withChoices } from "../../runtime/batch.js";
import { decoderIds, HEAD_TOKENS } from "../../runtime/head-question.js";
import { sweepLengths } from "../../runtime/lengths.js";
import { pythonLimits } from "../../runtime/limits.js";
import type { Runnable } from "../../runtime/runnable.js";
import { type FloatTensor, lastTokens, type NumberTensor } from "../../runtime/tensors.js";
import { proofOf } from "../attention/variants.js";
import { judge, type Outcome } from "../check.js";
import type { ProvenModeling } from "../folder/checks.js";
import { raggedBatch, statesOf } from "../model/comparison.js";
import { type Difference, difference, excess, toleranceFor, visibleDifference } from "../model/difference.js";
import type { Subject } from "../model/subject.js";
import { type Answer, askTransformers } from "./ask-transformers.js";

/** Where Python is; empty: nowhere. */
const VARIABLE = "LSG_PYTHON";

const NO_PYTHON = `Name a Python that has torch and transformers (4.40 or later): ${VARIABLE}=PATH.`;

const NOTHING: FloatTensor = { dims: [], values: new Float32Array(0) };

export interface TransformersCheck {
  readonly model: Model;
  readonly modeling: ProvenModeling;
  readonly scratch: string;
  /** Opens the converted model on the CPU, where PyTorch computes. */
  readonly openOnCpu: () => Promise<Runnable>;
}

interface Inputs {
  readonly batches: readonly Batch[];
  /** For the outputs of the whole model, if something follows the encoder. Without padding. */
  readonly heads: readonly HeadBatch[];
}

interface HeadBatch {
  readonly batch: Batch;
  readonly decoderIds: NumberTensor | undefined;
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
  { model, modeling, scratch, openOnCpu }: TransformersCheck,
): Promise<Outcome> {
  const interpreter = process.env[VARIABLE] ?? (process.platform === "win32" ? "python" : "python3");
  if (interpreter === "") return notCovered(`${VARIABLE} is empty`, NO_PYTHON);
  if ("notRun" in modeling) return notCovered(modeling.notRun, modeling.remedy);
  const { ignoredKey } = proofOf(subject.attention);
  if (ignoredKey !== undefined) {
    return notCovered(`transformers ignores ${ignoredKey}`, "Use the graphs of such a model: lsg export.");
  }
  const inputs = makeInputs(subject);
  if (inputs.batches.length === 0) {
    return notCovered(
      "lsh picks at random at these lengths",
      `Name one below ${2 * borderOf(subject.attention)}.`,
    );
  }
  const answer = await askTransformers(interpreter, {
    model,
    modeling: modeling.files,
    batches: inputs.batches.map((batch) => feeds(batch, model)),
    heads: inputs.heads.map((batch) => headFeeds(batch, model)),
    scratch,
    limits: pythonLimits(
      {
        ...{ model, attention: subject.attention, tokens: subject.converted.longest },
        seconds: subject.converted.slowest(),
      },
      inputs.batches.length + inputs.heads.length,
    ),
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
  const without = answer.missing.filter((name) => !isOptional(name, model));
  return conclude(found, without, describe(answer, inputs, subject.attention));
}

/** Around the borders of blocks, or at the lengths that were asked for; where lsh is random only below it. */
function makeInputs(subject: Subject): Inputs {
  const { converted, inputs, attention, lengths, seed } = subject;
  const { longest, head, headInputs, model } = converted;
  const border = borderOf(attention);
  const full = 2 * border;
  const all = sweepLengths(attention, lengths ? longest : Math.min(longest, full + border + 5), lengths);
  const hostile = proofOf(attention).hostileRows?.(subject);
  // Of words each token has as many scores; where rows are read in parts a head sees several of a long one.
  const isLong = hostile && head && !taskOf(head).scoresWords && longest > full;
  const tokens = [Math.min(HEAD_TOKENS, full, longest), ...(isLong ? [Math.min(longest, full + 5)] : [])];
  const hasOwnInput = headInputs.includes("decoder_input_ids");
  return {
    batches: all
      .filter((length) => length <= full || !isRandom(attention))
      .map((length, index) =>
        hostile && length > border
          ? hostile(length, seed + length, index)
          : raggedBatch(inputs, length, seed + length),
      ),
    heads: head
      ? tokens.map((count) => {
          const batch = makeBatch([inputs.text(count, seed), inputs.random(count, seed)], inputs.padId);
          return { batch, decoderIds: hasOwnInput ? decoderIds(batch, model, inputs, seed) : undefined };
        })
      : [],
  };
}

/** The inputs that the encoders of a model type take. */
function feeds({ inputs }: Batch, model: Model): Batch["inputs"] {
  const known = Object.entries(inputs).filter(
    ([name]) =>
      (name !== "token_type_ids" || model.readsTokenTypes) &&
      (name !== "global_attention_mask" || takesGlobals(model.attention())),
  );
  return Object.fromEntries(known);
}

/** The inputs that a whole model takes: with choices (batch, 1, length). */
function headFeeds({ batch, decoderIds }: HeadBatch, model: Model): Batch["inputs"] {
  const { head } = model.source;
  const inputs = feeds(batch, model);
  return {
    ...(head && taskOf(head).hasChoices ? withChoices(inputs) : inputs),
    ...(decoderIds && { decoder_input_ids: decoderIds }),
  };
}

async function compareWith(
  graphs: Runnable,
  { batches, heads }: Inputs,
  answer: Answer,
  signal: AbortSignal | undefined,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const [i, batch] of batches.entries()) {
    signal?.throwIfAborted();
    const { hidden } = await graphs.encode(batch);
    // Global tokens that are passed on to a decoder stand before the others.
    const theirs = lastTokens(answer.hidden[i] ?? NOTHING, batch.length);
    const away = visibleDifference(hidden, theirs, graphs.head ? withoutFirsts(batch, graphs) : batch);
    found.push({ what: statesOf(graphs.model), length: batch.length, difference: away });
  }
  for (const [i, head] of heads.entries()) {
    const outputs = await graphs.outputs(await graphs.encode(head.batch), head);
    for (const [what, { values }] of Object.entries(outputs)) {
      const away = difference(values, (answer.heads[i]?.[what] ?? NOTHING).values);
      found.push({ what, length: head.batch.length, difference: away });
    }
  }
  return found;
}

/**
 * Where long rows are read in parts a head decides what stands for their first token: its outputs are compared, and the base
 * model alone, which Python runs, has another there.
 */
function withoutFirsts(batch: Batch, { model }: Runnable): Batch {
  const attention = model.attention();
  if (!outgrowsTable(attention) || batch.length <= borderOf(attention)) return batch;
  return { ...batch, visible: batch.visible.map(({ start, end }) => ({ start: start + 1, end })) };
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

function describe(
  { torch, transformers, ...answer }: Answer,
  { batches }: Inputs,
  attention: LocalAttention,
): string {
  const unread = answer.unexpected.length;
  return [
    `transformers ${transformers} with torch ${torch}`,
    `${answer.class} at ${lengthsUpTo(batches.map(({ length }) => length))} tokens`,
    ...(isRandom(attention) ? ["none longer, where lsh picks at random"] : []),
    ...(unread > 0 ? [`${counted(unread, "tensor")} without a place in that class`] : []),
  ].join(", ");
}

/** The base class works without its pooler, and many checkpoints come without it. */
function isOptional(name: string, { architecture, source, sizes, tensors }: Model): boolean {
  const mayLackPooler = source.head === undefined || isBase(source.head);
  return (
    mayLackPooler &&
    !tensors.has(name) &&
    poolerSpecs(architecture, sizes).some((pooler) => pooler.name === name)
  );
}

function notCovered(reason: string, remedy: string): Outcome {
  return { verdict: "skipped", detail: `NOT COVERED: ${reason}`, remedy };
}
