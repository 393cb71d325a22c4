import { rowScoreBytes } from "../attention/score-memory.js";
import type { Model } from "../model/model.js";

/** What the rows of a batch may take beside the weights, in bytes. */
const BATCH_BYTES = 1 << 30;

/** Matrices of a layer's scores, and of tokens at its widest, that ONNX Runtime holds at a time. */
const SCORE_MATRICES = 4;
const STATE_MATRICES = 8;

/** More rows than this gain nothing on a CPU. */
const MAX_ROWS = 32;

/** Bytes that a row of a batch takes while it runs, about. */
function rowBytes({ sizes, attention }: Model, length: number): number {
  const states = length * Math.max(sizes.hidden, sizes.intermediate) * Float32Array.BYTES_PER_ELEMENT;
  return SCORE_MATRICES * rowScoreBytes(attention(), sizes.heads, length) + STATE_MATRICES * states;
}

/**
 * Puts rows of like lengths together, as many as memory lasts for.
 * @param lengths of the rows, in tokens
 * @param alone whether each is to run by itself
 * @returns batches of row numbers, the longest first: what does not fit is found out at once
 */
export function batchesByLength(lengths: readonly number[], model: Model, alone = false): number[][] {
  const order = [...lengths.keys()].sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
  const batches: number[][] = [];
  for (let start = 0; start < order.length; ) {
    const longest = lengths[order[start] ?? 0] ?? 0;
    const fitting = Math.floor(BATCH_BYTES / rowBytes(model, Math.max(1, longest)));
    const rows = alone ? 1 : Math.max(1, Math.min(MAX_ROWS, fitting));
    batches.push(order.slice(start, start + rows));
    start += rows;
  }
  return batches;
}
