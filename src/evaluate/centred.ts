import { range } from "../base/range.js";
import { type Pieces, piecesOf } from "../predict/pieces.js";
import type { AlignedTokens } from "../runtime/text-tokenizer.js";

/**
 * For each of some tokens a window of its own, in whose middle it stands as far as the row's ends allow; each with the special
 * tokens at the row's ends. No other token is read.
 * @param maxLength tokens of a window
 */
export function centredPieces(tokens: AlignedTokens, maxLength: number, places: readonly number[]): Pieces {
  const { length } = tokens.sources;
  if (length <= maxLength) return piecesOf(tokens, false, { maxLength, reading: "cut" });
  const head = Math.max(0, tokens.sources.findIndex(isText));
  const tail = length - 1 - tokens.sources.findLastIndex(isText);
  const room = maxLength - head - tail;
  const owners = new Int32Array(length).fill(-1);
  const pieces = places.map((place, i) => {
    owners[place] = i;
    const first = Math.min(length - tail - room, Math.max(head, place - (room >> 1)));
    return { places: [...range(0, head), ...range(first, first + room), ...range(length - tail, length)] };
  });
  return { pieces, owners };
}

/** Special tokens are of no text. */
function isText(source: number): boolean {
  return source >= 0;
}
