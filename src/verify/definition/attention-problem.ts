import { largestOf } from "../../base/extremes.js";

/**
 * What attention is given: `query`, `key` and `value` as (batch, total, heads · head_dim), row by row, where
 * total = prepended global tokens + the mask's length; `mask` as (batch, length), 0 for hidden tokens.
 */
export interface AttentionProblem {
  readonly batch: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly query: ArrayLike<number>;
  readonly key: ArrayLike<number>;
  readonly value: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
  /** Added to the scores of a head, by how far behind its query a key stands; 0 by default. */
  readonly bias?: (head: number, offset: number) => number;
  /** Computes these heads and queries only, and leaves NaN elsewhere: plain definitions are slow. */
  readonly only?: { readonly heads: ReadonlySet<number>; readonly queries: ReadonlySet<number> };
}

/** A key and its value, or means of such. */
export interface Pair {
  readonly key: Float64Array;
  readonly value: Float64Array;
}

/** A key that a query may see. `undefined` stands for one that is hidden. */
export interface Key extends Pair {
  /** Where biases take it to stand: a token at its place in the row, a global token that is none at 0. */
  readonly position: number;
}

/** The tokens of one row in one head; `keys` are undefined where they are hidden. */
export interface HeadProblem {
  readonly head: number;
  readonly queries: readonly Float64Array[];
  readonly keys: readonly (Key | undefined)[];
  readonly bias: (offset: number) => number;
}

/** softmax(query · keys / √head_dim + bias) · values. */
export function weightedSum(
  query: Float64Array,
  keys: readonly (Key | undefined)[],
  bias: (key: Key) => number = () => 0,
): Float64Array {
  return weightedMean(
    keys.filter((key) => key !== undefined),
    (key) => dot(query, key.key) / Math.sqrt(query.length) + bias(key),
  ).value;
}

/** The mean of keys and of values, weighted by the exponential of `score`. */
export function weightedMean<K extends Key>(keys: readonly K[], score: (key: K) => number): Pair {
  const scores = keys.map(score);
  const largest = largestOf(scores);
  const weights = scores.map((s) => Math.exp(s - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return sumOf(keys, (i) => (weights[i] ?? 0) / total);
}

/** Σ weight(i) · keys[i]; NaN without keys. */
export function sumOf(keys: readonly Pair[], weight: (i: number) => number): Pair {
  const combine = (vectors: Float64Array[]) => {
    const width = vectors[0]?.length ?? 0;
    return Float64Array.from({ length: width }, (_, d) =>
      vectors.reduce((sum, vector, i) => sum + weight(i) * (vector[d] ?? Number.NaN), 0),
    );
  };
  return { key: combine(keys.map((key) => key.key)), value: combine(keys.map((key) => key.value)) };
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? Number.NaN);
  return sum;
}

/** Runs `attend` on every row and head and puts the contexts together again. */
export function forEachHead(
  problem: AttentionProblem,
  prepended: number,
  maskFirstToken: boolean,
  attend: (head: HeadProblem, row: number) => Float64Array[],
): Float64Array {
  const { batch, numHeads, headDim, query, key, value, mask } = problem;
  const width = numHeads * headDim;
  const maskLength = mask.length / batch;
  const output = new Float64Array(query.length).fill(Number.NaN);
  const vectors = (x: ArrayLike<number>, row: number, head: number) => {
    const length = x.length / batch / width;
    return Array.from({ length }, (_, i) => {
      const start = (row * length + i) * width + head * headDim;
      return Float64Array.from({ length: headDim }, (_, d) => x[start + d] ?? Number.NaN);
    });
  };
  for (let row = 0; row < batch; row++) {
    const isVisible = (i: number) =>
      i < prepended || (mask[row * maskLength + i - prepended] !== 0 && !(maskFirstToken && i === prepended));
    for (let head = 0; head < numHeads; head++) {
      if (problem.only && !problem.only.heads.has(head)) continue;
      const values = vectors(value, row, head);
      const keys = vectors(key, row, head).map((k, i) => {
        const v = values[i];
        return isVisible(i) && v ? { key: k, value: v, position: Math.max(0, i - prepended) } : undefined;
      });
      const queries = vectors(query, row, head);
      const bias = (offset: number) => problem.bias?.(head, offset) ?? 0;
      attend({ head, queries, keys, bias }, row).forEach((context, i) => {
        output.set(context, (row * queries.length + i) * width + head * headDim);
      });
    }
  }
  return output;
}
