import { type AttentionProblem, dot, weightedMean } from "./attention-problem.js";
import { fullAttentionByDefinition } from "./full.js";

/**
 * Full attention in windows, and of a reader for each row to all of the row's windows. `query`, `key` and `value` have the
 * tokens of all windows, row after row, and behind them the rows' readers: (tokens + readers, heads · head_dim).
 */
export interface ReaderProblem extends Omit<AttentionProblem, "batch" | "mask" | "only"> {
  /** Windows of each row. */
  readonly counts: readonly number[];
  /** Tokens of a window. */
  readonly places: number;
  /** As many as rows, or none. */
  readonly readers: number;
  /** For each place of each window 0 for a hidden token. */
  readonly mask: readonly number[];
  /** The logarithm of what it weighs to a reader. */
  readonly placeBias: readonly number[];
  /** What the products of each row's reader are multiplied by. */
  readonly scale: readonly number[];
}

/** In float64; a reader stands at place 0 of every window. Of windows the first and the last head are computed, NaN elsewhere. */
export function readerAttentionByDefinition(problem: ReaderProblem): Float64Array {
  const { numHeads, headDim, query, key, value, counts, places, mask, bias = () => 0 } = problem;
  const width = numHeads * headDim;
  const tokens = mask.length;
  const output = new Float64Array(query.length).fill(Number.NaN);
  const part = (x: ArrayLike<number>) => Array.prototype.slice.call(x, 0, tokens * width) as number[];
  const heads = new Set([0, numHeads - 1]);
  const windows = {
    ...{ batch: tokens / places, numHeads, headDim, mask, bias },
    ...{ query: part(query), key: part(key), value: part(value) },
    only: { heads, queries: new Set([0, Math.floor(places / 2), places - 1]) },
  };
  output.set(fullAttentionByDefinition(windows, false));
  for (let row = 0; row < problem.readers; row++) {
    const first = counts.slice(0, row).reduce((sum, count) => sum + count, 0) * places;
    const end = first + (counts[row] ?? 0) * places;
    const at = tokens + row;
    for (const head of heads) {
      const vector = (x: ArrayLike<number>, token: number) =>
        Float64Array.from({ length: headDim }, (_, d) => x[token * width + head * headDim + d] ?? Number.NaN);
      const seen = (token: number, position: number, logWeight: number) => {
        return { key: vector(key, token), value: vector(value, token), position, logWeight };
      };
      const own = vector(query, at);
      const keys = [seen(at, 0, 0)];
      for (let token = first; token < end; token++) {
        keys.push(seen(token, token % places, problem.placeBias[token] ?? Number.NaN));
      }
      const { value: context } = weightedMean(keys, (one) => {
        const product = ((problem.scale[row] ?? Number.NaN) * dot(own, one.key)) / Math.sqrt(headDim);
        return product + bias(head, one.position) + one.logWeight;
      });
      output.set(context, at * width + head * headDim);
    }
  }
  return output;
}
