import type { HeadOutput } from "../../architectures/architecture.js";
import { type FirstTokenUse, firstTokenUse, mergeOf, type WindowsConfig } from "../../attention/windows.js";
import type { Batch } from "../../runtime/batch.js";
import type { Encoded, Runnable } from "../../runtime/runnable.js";
import { type FloatTensor, type NumberTensor, tokensOf } from "../../runtime/tensors.js";
import { MERGED, planByDefinition, type RowPlan, readerScale, readerWeights } from "../definition/windows.js";
import { type PlacedRow, placedBatch } from "./hostile-rows.js";

/** Windows that are run at a time. */
const AT_A_TIME = 3;

/** A weight of nothing: less than any score can make up for, and finite. */
const NOTHING = -1e4;

/** A model with full attention, run on windows that are cut by their definition. */
export interface Hand {
  readonly source: Runnable;
  readonly config: WindowsConfig;
  /** Runs `readerGraph` of the same weights. */
  readonly reader: (inputs: Readonly<Record<string, NumberTensor>>) => Promise<Record<string, FloatTensor>>;
  readonly padId: number;
}

/** What is asked of one row of a batch. */
export interface RowQuestion {
  /** Tokens of the row for which a head's scores are wanted, the first among them. */
  readonly tokens: readonly number[];
  /** What the decoder reads, where it has an input of its own: (1, count). */
  readonly decoderIds: NumberTensor | undefined;
  /** Columns of the batch. */
  readonly length: number;
}

/** What a row's tokens and its head's outputs are, by definition. */
export interface HandMade {
  /** (1, tokens, hidden). */
  readonly hidden: FloatTensor;
  readonly outputs: Readonly<Record<string, ArrayLike<number>>>;
}

/** Runs a model on each window of a row that is longer than one, or stands in a batch that is, and puts together what it gives. */
export async function madeByHand(hand: Hand, row: PlacedRow, question: RowQuestion): Promise<HandMade> {
  const { source, config } = hand;
  const { head, model } = source;
  const plan = planByDefinition(row.tokens, config);
  const use = firstTokenUse(model.architecture, head);
  const merge = mergeOf(config, use);
  const windows = await runWindows(hand, row, plan);
  const states = windows.map(({ hidden }) => hidden);
  const isRepeated = plan.fixed.head > 0 && plan.windows.length > 1;
  const firsts = states.map((hidden) => tokensOf(hidden, 0, 0, 1));
  const meanFirst = mergedOf(firsts, "mean");
  const readFirst =
    isRepeated && merge === "reader" ? await readRow(hand, row, plan) : (firsts[0] ?? meanFirst);
  const stitched = stitch(states, plan);
  const ofTokens = use === "state" && merge === "reader" ? readFirst : meanFirst;
  const hidden = isRepeated ? withFirst(stitched, ofTokens) : stitched;
  const outputs = head
    ? await HEADS[use]({ hand, row, plan, merge, windows, hidden, firsts, readFirst, isRepeated, question })
    : {};
  return { hidden, outputs };
}

/** What each window gives, alone. */
interface RunWindow {
  readonly batch: Batch;
  /** (1, places, hidden). */
  readonly hidden: FloatTensor;
}

interface HeadProblem {
  readonly hand: Hand;
  readonly row: PlacedRow;
  readonly plan: RowPlan;
  readonly merge: ReturnType<typeof mergeOf>;
  readonly windows: readonly RunWindow[];
  readonly hidden: FloatTensor;
  /** Of each window its first token. */
  readonly firsts: readonly Float32Array[];
  /** What stands for the first token where a reader does, or there is one window. */
  readonly readFirst: Float32Array;
  readonly isRepeated: boolean;
  readonly question: RowQuestion;
}

type Outputs = Record<string, ArrayLike<number>>;

/** What a head makes of windows, by its use of their first tokens. */
const HEADS: Readonly<Record<FirstTokenUse, (problem: HeadProblem) => Promise<Outputs>>> = {
  none: (problem) => (problem.hand.source.model.architecture.decoder ? decoded(problem) : ofTokens(problem)),
  state: ofTokens,
  async logits(problem) {
    const { hand, firsts, readFirst, isRepeated, merge } = problem;
    const isOfTokens = (output: HeadOutput | undefined) => output?.from === "tokens";
    const own = Object.entries(hand.source.head?.outputs ?? {});
    const scored = own.some(([, output]) => isOfTokens(output)) ? await ofTokens(problem) : {};
    const read = !isRepeated || merge === "reader" ? [readFirst] : firsts;
    const each = await headOf(hand.source, stacked(read));
    return Object.fromEntries(
      own.map(([name, output]) => {
        if (isOfTokens(output)) return [name, scored[name] ?? []];
        const parts = rowsOf(each[name], read.length);
        return [name, merge === undefined || merge === "reader" ? (parts[0] ?? []) : mergedOf(parts, merge)];
      }),
    );
  },
  /** The least of the windows' scores says that there is no answer. */
  async answers(problem) {
    const { hand, isRepeated, question } = problem;
    const isDecoded = hand.source.model.architecture.decoder !== undefined;
    const { scores, ofFirsts } = await (isDecoded ? decodedAnswers : encodedAnswers)(problem);
    if (!isRepeated) return scores;
    return Object.fromEntries(
      Object.entries(scores).map(([name, values]) => {
        const least = MERGED.least(Array.from(ofFirsts[name] ?? []));
        return [name, Array.from(values, (value, i) => (question.tokens[i] === 0 ? least : value))];
      }),
    );
  },
  async "logits of a decoder"({ hand, windows, merge }) {
    const each = await windowOutputs(hand, windows);
    return Object.fromEntries(
      Object.entries(each).map(([name, values]) => {
        const parts = rowsOf({ dims: [], values: Float32Array.from(values) }, windows.length);
        return [name, mergedOf(parts, merge === undefined || merge === "reader" ? "mean" : merge)];
      }),
    );
  },
};

/** The head's scores of the tokens that are asked for. */
async function ofTokens({ hand, hidden, question }: HeadProblem): Promise<Outputs> {
  const picked = question.tokens.map((token) => tokensOf(hidden, 0, token, token + 1));
  const [batch, width] = [1, hidden.dims[2] ?? 0];
  const tokens = { dims: [batch, picked.length, width], values: stacked(picked).values };
  const outputs = await headOf(hand.source, tokens);
  return Object.fromEntries(Object.entries(outputs).map(([name, { values }]) => [name, values]));
}

/** A decoder that is given its input and reads the row as it stands in its batch; the base model's own input is none longer than a window. */
async function decoded({ hand, row, hidden, question }: HeadProblem): Promise<Outputs> {
  const { length, decoderIds } = question;
  if (!decoderIds) return {};
  const batch = placedBatch([row], length, hand.padId);
  const width = hidden.dims[2] ?? 0;
  const values = new Float32Array(length * width);
  values.set(hidden.values, row.start * width);
  const states = { dims: [1, length, width], values };
  const outputs = await hand.source.outputs({ batch, hidden: states, states }, { decoderIds });
  return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, output.values]));
}

/** Scores of the tokens that are asked for, and those of each window's first token. */
interface Answers {
  readonly scores: Outputs;
  readonly ofFirsts: Outputs;
}

async function encodedAnswers(problem: HeadProblem): Promise<Answers> {
  const each = await headOf(problem.hand.source, stacked(problem.firsts));
  const ofFirsts = Object.entries(each).map(([name, { values }]) => [name, values] as const);
  return { scores: await ofTokens(problem), ofFirsts: Object.fromEntries(ofFirsts) };
}

async function decodedAnswers({ hand, plan, windows, question }: HeadProblem): Promise<Answers> {
  const places = windows[0]?.batch.length ?? 0;
  const each = await windowOutputs(hand, windows);
  const all = (pick: (values: readonly number[]) => number[]) =>
    Object.fromEntries(Object.entries(each).map(([name, values]) => [name, pick(values)]));
  return {
    scores: all((values) =>
      question.tokens.map((token) => {
        const { window = 0, place = 0 } = plan.owners[token] ?? {};
        return values[window * places + place] ?? Number.NaN;
      }),
    ),
    ofFirsts: all((values) => windows.map((_, window) => values[window * places] ?? Number.NaN)),
  };
}

/** What decoder and head make of each window, one after the other. */
async function windowOutputs(
  { source }: Hand,
  windows: readonly RunWindow[],
): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const { batch, hidden } of windows) {
    const outputs = await source.outputs({ batch, hidden, states: hidden }, {});
    for (const [name, output] of Object.entries(outputs))
      all[name] = [...(all[name] ?? []), ...output.values];
  }
  return all;
}

async function runWindows(
  { source, padId }: Hand,
  { tokens }: PlacedRow,
  plan: RowPlan,
): Promise<RunWindow[]> {
  const found: RunWindow[] = [];
  const cut = plan.windows.map((window): PlacedRow => ({ start: 0, tokens: tokensAt(tokens, window) }));
  for (let at = 0; at < cut.length; at += AT_A_TIME) {
    const group = cut.slice(at, at + AT_A_TIME);
    const length = group[0]?.tokens.ids.length ?? 0;
    const { hidden } = await source.encode(placedBatch(group, length, padId));
    for (const [i, one] of group.entries()) {
      const values = tokensOf(hidden, i, 0, length);
      found.push({
        batch: placedBatch([one], length, padId),
        hidden: { dims: [1, ...hidden.dims.slice(1)], values },
      });
    }
  }
  return found;
}

function tokensAt({ ids, types, mask }: PlacedRow["tokens"], places: readonly number[]): PlacedRow["tokens"] {
  const at = (values: readonly number[]) => places.map((token) => values[token] ?? 0);
  return { ids: at(ids), mask: at(mask), ...(types && { types: at(types) }) };
}

/** What reads a row through all of its windows. */
async function readRow(hand: Hand, { tokens }: PlacedRow, plan: RowPlan): Promise<Float32Array> {
  const windows = plan.windows.map((window): PlacedRow => ({ start: 0, tokens: tokensAt(tokens, window) }));
  const { inputs } = placedBatch(windows, hand.config.window_size, hand.padId);
  const weights = readerWeights(plan, tokens).flat();
  const bias = weights.map((weight) => (weight > 0 ? Math.log(weight) : NOTHING));
  const { reader } = await hand.reader({
    ...inputs,
    place_bias: { dims: [bias.length], values: bias, dtype: "float32" },
    reader_scale: { dims: [1], values: [readerScale(tokens.mask.length, hand.config)], dtype: "float32" },
  });
  return reader?.values ?? new Float32Array(0);
}

/** Each token from the window that owns it. */
function stitch(states: readonly FloatTensor[], { owners }: RowPlan): FloatTensor {
  const width = states[0]?.dims[2] ?? 0;
  const values = new Float32Array(owners.length * width);
  for (const [token, { window, place }] of owners.entries()) {
    const of = states[window];
    if (of) values.set(tokensOf(of, 0, place, place + 1), token * width);
  }
  return { dims: [1, owners.length, width], values };
}

function withFirst({ dims, values }: FloatTensor, first: Float32Array): FloatTensor {
  const changed = values.slice();
  changed.set(first);
  return { dims, values: changed };
}

/** A head's outputs for a batch of tokens (batch, tokens, hidden). */
function headOf(source: Runnable, hidden: FloatTensor): Promise<Record<string, FloatTensor>> {
  const batch: Batch = { inputs: {}, length: hidden.dims[1] ?? 0, visible: [] };
  const encoded: Encoded = { batch, hidden, states: hidden };
  return source.outputs(encoded, {});
}

/** (parts, 1, width). */
function stacked(parts: readonly Float32Array[]): FloatTensor {
  const width = parts[0]?.length ?? 0;
  const values = new Float32Array(parts.length * width);
  for (const [i, part] of parts.entries()) values.set(part, i * width);
  return { dims: [parts.length, 1, width], values };
}

function rowsOf(output: FloatTensor | undefined, count: number): Float32Array[] {
  const values = output?.values ?? new Float32Array(0);
  const width = values.length / count;
  return Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width));
}

function mergedOf(parts: readonly ArrayLike<number>[], how: keyof typeof MERGED): Float32Array {
  const [first] = parts;
  return Float32Array.from({ length: first?.length ?? 0 }, (_, i) =>
    MERGED[how](parts.map((part) => part[i] ?? Number.NaN)),
  );
}
