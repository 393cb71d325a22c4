import { type Attention, scoresAtOnce } from "./variants.js";

/** Rows of a verification's largest batch. */
const ROWS = 3;

/** Matrices of a layer's scores that ONNX Runtime holds at a time: 2.8 to 3.2 were measured, at 4096 and 8192 tokens. */
const MATRICES = 4;

/**
 * What a verification takes for scores however little memory there is, in bytes: inputs that need no more are looked at
 * on every machine, so that a model card can say before what will have been looked at.
 */
export const SCORES_FOR_ALL = 4 * 2 ** 30;

/** Bytes of a layer's scores in float32, where every one of these tokens sees every other. */
export function scoreBytes(heads: number, tokens: number): number {
  return heads * tokens ** 2 * Float32Array.BYTES_PER_ELEMENT;
}

/** The same of a row of so many tokens with an attention. */
export function rowScoreBytes(attention: Attention, heads: number, tokens: number): number {
  return heads * scoresAtOnce(attention, tokens) * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * The longest inputs that a verification can run. Full attention alone takes memory by the square of the length; behind
 * `seenInFull` tokens it is windows, of which a few heads are computed at a time, or of which there are more and more.
 * @param maxLength tokens of the longest inputs that there are
 * @param bytes for the scores of attention
 */
export function affordedTokens(
  attention: Attention,
  { heads, maxLength, bytes }: { readonly heads: number; readonly maxLength: number; readonly bytes: number },
): number {
  let [longest, tooLong] = [1, maxLength + 1];
  while (tooLong - longest > 1) {
    const between = Math.floor((longest + tooLong) / 2);
    if (runScoreBytes(attention, heads, between) <= bytes) longest = between;
    else tooLong = between;
  }
  return longest;
}

/** Bytes that scores take while a verification's largest batch of such inputs runs. */
export function runScoreBytes(attention: Attention, heads: number, tokens: number): number {
  return ROWS * MATRICES * rowScoreBytes(attention, heads, tokens);
}
