import { range } from "../base/range.js";
import type { AlignedTokens } from "../runtime/text-tokenizer.js";

/** A part of a document that the model reads at once. */
export interface Piece {
  /** Which of the document's tokens each of its tokens is. */
  readonly places: readonly number[];
}

/** A document as pieces. */
export interface Pieces {
  readonly pieces: readonly Piece[];
  /** For each of the document's tokens the piece that its output is taken from; -1 for one that was cut off. */
  readonly owners: Int32Array;
}

export interface PieceOptions {
  /** Tokens that the model reads at once, special ones included. */
  readonly maxLength: number;
  readonly reading: "cut" | "chunks";
}

/** Fixed tokens of every piece: so many of the document's first, and so many of its last. */
interface Fixed {
  readonly head: number;
  readonly tail: number;
}

/**
 * Cuts a document for a model that reads less than it has; one that it reads whole is one piece.
 *
 * `cut` leaves the end away, of a pair the longer text's, as transformers' `longest_first` does. `chunks` are one behind
 * the other; each repeats the special tokens at either end, and of a pair the shorter text, unless it takes half of what
 * the model reads.
 */
export function piecesOf(
  { sources }: AlignedTokens,
  isPair: boolean,
  { maxLength, reading }: PieceOptions,
): Pieces {
  const count = sources.length;
  if (count <= maxLength) return whole(count);
  const ends = { head: leading(sources), tail: leading(sources.toReversed()) };
  if (reading === "cut") return cut(sources, ends, isPair, maxLength);
  const fixed = isPair ? fixedOfPair(sources, ends, maxLength) : ends;
  return chunks(count, fixed, maxLength - fixed.head - fixed.tail);
}

function whole(count: number): Pieces {
  return { pieces: [{ places: range(0, count) }], owners: new Int32Array(count) };
}

/** Special tokens before the first other. */
function leading(sources: readonly number[]): number {
  const first = sources.findIndex((source) => source >= 0);
  return first < 0 ? sources.length : first;
}

/** Of a pair the shorter text with the special tokens beside it. */
function fixedOfPair(sources: readonly number[], ends: Fixed, maxLength: number): Fixed {
  const second = sources.indexOf(1);
  if (second < 0) return ends;
  const [first, other] = [second, sources.length - second];
  const fixed =
    first <= other
      ? { head: first, tail: ends.tail }
      : { head: ends.head, tail: sources.length - 1 - sources.lastIndexOf(0) };
  return fixed.head + fixed.tail > Math.floor(maxLength / 2) ? ends : fixed;
}

function cut(sources: readonly number[], ends: Fixed, isPair: boolean, maxLength: number): Pieces {
  const { length } = sources;
  const second = isPair ? sources.indexOf(1) : -1;
  let kept: number[];
  if (second < 0) {
    kept = [...range(0, maxLength - ends.tail), ...range(length - ends.tail, length)];
  } else {
    const behindFirst = sources.lastIndexOf(0) + 1;
    const [first, other] = [behindFirst - ends.head, length - ends.tail - second];
    const [keepFirst, keepOther] = longestFirst(first, other, maxLength - (length - first - other));
    kept = [
      ...range(0, ends.head + keepFirst),
      ...range(behindFirst, second + keepOther),
      ...range(length - ends.tail, length),
    ];
  }
  const owners = new Int32Array(length).fill(-1);
  for (const place of kept) owners[place] = 0;
  return { pieces: [{ places: kept }], owners };
}

/** What is left of two texts, as the tokenizers library shortens the longer one first. */
function longestFirst(first: number, second: number, room: number): [first: number, second: number] {
  const shorter = Math.min(first, second);
  const [least, most] =
    shorter <= room - shorter
      ? [shorter, room - shorter]
      : [Math.floor(room / 2), room - Math.floor(room / 2)];
  return first <= second ? [least, most] : [most, least];
}

function chunks(count: number, { head, tail }: Fixed, room: number): Pieces {
  const owners = new Int32Array(count);
  const content = count - head - tail;
  const number = Math.ceil(content / room);
  const pieces = Array.from({ length: number }, (_, i) => {
    const [start, end] = [head + i * room, head + Math.min(content, (i + 1) * room)];
    owners.fill(i, start, end);
    return { places: [...range(0, head), ...range(start, end), ...range(count - tail, count)] };
  });
  owners.fill(number - 1, count - tail);
  return { pieces, owners };
}
