import type { Session } from "../../runtime/session.js";
import type { FloatTensor, NumberTensor } from "../../runtime/tensors.js";
import { raggedBatch } from "../model/comparison.js";
import type { OutputCheck } from "./graph-check.js";

/** Lengths of the encoder's input at which a decoder is run: it has no blocks, and what it keeps is large. */
export const DECODER_LENGTHS = [1, 40];
const MAX_LENGTH = 64;

/** Tokens that a decoder reads: some in its first pass, then one by one. */
const TOKENS = 5;
const ONE_BY_ONE = 2;

/** One input of a decoder, with the logits that the weights give for it. */
export interface Case {
  /** Of the encoder's input. */
  readonly length: number;
  readonly mask: NumberTensor;
  readonly states: FloatTensor;
  /** For each row `count` tokens. */
  readonly ids: readonly (readonly number[])[];
  readonly count: number;
  readonly first: number;
  /** (batch, tokens, vocabulary): of all tokens at once. */
  readonly logits: FloatTensor;
}

/** What a decoder keeps between two passes, by the names behind `present.` and `past_key_values.`. */
export type Kept = Readonly<Record<string, FloatTensor>>;

export interface Pass {
  readonly logits: FloatTensor;
  readonly kept: Kept;
}

/** Three rows, of which two are padded, at each length. */
export async function makeCases(check: OutputCheck): Promise<Case[]> {
  const { model, inputs, decoderLengths, seed, signal } = check;
  const most = Math.min(model.longest, MAX_LENGTH);
  const cases: Case[] = [];
  for (const length of new Set(decoderLengths.map((asked) => Math.min(asked, most)))) {
    signal?.throwIfAborted();
    const batch = raggedBatch(inputs, length, seed + length);
    const count = Math.min(TOKENS, model.longest);
    const ids = batch.visible.map((_, row) => inputs.random(count, seed + row).ids);
    const encoded = await model.encode(batch);
    const { logits } = await model.outputs(encoded, { decoderIds: idTensor(ids) });
    const mask = batch.inputs.attention_mask;
    if (!logits || !mask) continue;
    cases.push({
      length,
      mask,
      states: encoded.states,
      ids,
      count,
      first: Math.max(1, count - ONE_BY_ONE),
      logits,
    });
  }
  return cases;
}

/** Runs a decoder over tokens from the first on. @param past for a graph that can go on as well: nothing yet */
export function firstPass(session: Session, one: Case, end: number, past?: Kept): Promise<Pass> {
  return run(session, one, [0, end], { ...hiddenStates(one), ...(past && pastInputs(past, false)) });
}

/** Runs a decoder over one more token. @param past what the passes before have kept */
export async function laterPass(session: Session, one: Case, at: number, past: Kept): Promise<Pass> {
  const inputs = { ...hiddenStates(one), ...pastInputs(past, true) };
  const { logits, kept } = await run(session, one, [at, at + 1], inputs);
  // Empty outputs keep their last values: the encoder's keys and values do not change.
  const news = Object.entries(kept).filter(([, { values }]) => values.length > 0);
  return { logits, kept: { ...past, ...Object.fromEntries(news) } };
}

/** The empty cache before the first pass. */
export function emptied(kept: Kept): Kept {
  const none = ({ dims }: FloatTensor) => ({ dims: dims.with(2, 0), values: new Float32Array(0) });
  return Object.fromEntries(Object.entries(kept).map(([name, tensor]) => [name, none(tensor)]));
}

async function run(
  session: Session,
  { mask, ids }: Case,
  tokens: readonly [start: number, end: number],
  more: Readonly<Record<string, NumberTensor>>,
): Promise<Pass> {
  const input_ids = idTensor(ids.map((row) => row.slice(...tokens)));
  const inputs = Object.entries({ encoder_attention_mask: mask, input_ids, ...more });
  const known = inputs.filter(([name]) => session.inputNames.includes(name));
  const results = await session.run(Object.fromEntries(known));
  const present = Object.entries(results).filter(([name]) => name.startsWith("present."));
  return {
    logits: results.logits ?? { dims: [], values: new Float32Array(0) },
    kept: Object.fromEntries(present.map(([name, tensor]) => [name.slice("present.".length), tensor])),
  };
}

function hiddenStates({ states }: Case) {
  return { encoder_hidden_states: { ...states, dtype: "float32" } as const };
}

function pastInputs(past: Kept, isUsed: boolean): Record<string, NumberTensor> {
  const entries = Object.entries(past).map(([name, tensor]) => {
    return [`past_key_values.${name}`, { ...tensor, dtype: "float32" } as const] as const;
  });
  const branch = { dims: [1], values: [Number(isUsed)], dtype: "bool" } as const;
  return { ...Object.fromEntries(entries), use_cache_branch: branch };
}

function idTensor(rows: readonly (readonly number[])[]): NumberTensor {
  return { dims: [rows.length, rows[0]?.length ?? 0], values: rows.flat(), dtype: "int64" };
}
