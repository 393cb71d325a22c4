import { seededUniform } from "../base/random.js";
import type { Model } from "../model/model.js";
import type { Batch } from "./batch.js";
import type { InputSource } from "./input-source.js";
import { type FloatTensor, type NumberTensor, tokensOf } from "./tensors.js";

/** Tokens of a row that a head is shown: a vocabulary of 250,000 words has a megabyte of scores for each. */
export const HEAD_TOKENS = 8;

/** Scores that a decoder's head may give back for one batch: 32 MB. */
const MAX_SCORES = 2 ** 23;

/** What of a batch a head is asked about. An encoder's head takes the one, a decoder the other. */
export interface HeadQuestion {
  /** Tokens of the encoder's output, as many for each row; all of them where it is left out. */
  readonly tokens?: readonly PickedTokens[] | undefined;
  /** What the decoder reads, where it has an input of its own: int64 (batch, tokens). */
  readonly decoderIds?: NumberTensor | undefined;
}

/** Some tokens of one row, the first among them. */
export interface PickedTokens {
  readonly row: number;
  readonly tokens: readonly number[];
}

/** Asks about seeded tokens of each row that is not padded on the left, and for the decoder about random ones. */
export function seededQuestion(batch: Batch, model: Model, inputs: InputSource, seed: number): HeadQuestion {
  const uniform = seededUniform(seed);
  const tokens = batch.visible.flatMap(({ start, end }, row) => {
    if (start > 0) return [];
    const others = Array.from({ length: HEAD_TOKENS - 1 }, () => Math.floor(uniform() * end));
    return [{ row, tokens: [0, ...others] }];
  });
  return { tokens, decoderIds: decoderIds(batch, model, inputs, seed) };
}

/** Random tokens for a decoder: as many as the batch's rows have, or as their scores may be. */
export function decoderIds(
  { length, visible }: Batch,
  { sizes }: Model,
  inputs: InputSource,
  seed: number,
): NumberTensor {
  const rows = visible.length;
  const most = sizes.decoder?.positions ?? sizes.positions;
  const count = Math.min(length, most, Math.max(1, Math.floor(MAX_SCORES / rows / sizes.vocab)));
  const values = visible.flatMap((_, row) => inputs.random(count, seed + row).ids);
  return { dims: [rows, count], values, dtype: "int64" };
}

/** The picked tokens of (batch, length, hidden) as (rows, tokens, hidden). */
export function gatherTokens(hidden: FloatTensor, picked: readonly PickedTokens[]): FloatTensor {
  const width = hidden.dims[2] ?? 0;
  const count = picked[0]?.tokens.length ?? 0;
  const values = new Float32Array(picked.length * count * width);
  picked.forEach(({ row, tokens }, i) => {
    tokens.forEach((token, j) => {
      values.set(tokensOf(hidden, row, token, token + 1), (i * count + j) * width);
    });
  });
  return { dims: [picked.length, count, width], values };
}

/** The rows of (batch, width) that are asked about. */
export function pickRows({ dims, values }: FloatTensor, picked: readonly PickedTokens[]): FloatTensor {
  const width = values.length / (dims[0] ?? 1);
  const rows = picked.map(({ row }) => values.subarray(row * width, (row + 1) * width));
  return { dims: [picked.length, ...dims.slice(1)], values: joined(rows) };
}

/** The picked tokens of (batch, length), a number for each. */
export function pickTokens({ dims, values }: FloatTensor, picked: readonly PickedTokens[]): FloatTensor {
  const [, length = 0] = dims;
  const rows = picked.map(({ row, tokens }) =>
    Float32Array.from(tokens, (token) => values[row * length + token] ?? Number.NaN),
  );
  return { dims: [picked.length, picked[0]?.tokens.length ?? 0], values: joined(rows) };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}
