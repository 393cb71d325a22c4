import type { LsgConfig } from "../../attention/lsg-config.js";
import { effectiveSparsity } from "../functions/sparse/index.js";
import { SPARSE_DEFINITIONS } from "./sparse.js";

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

export interface LsgDefinition {
  readonly config: LsgConfig;
  readonly causal: boolean;
  readonly seed: number;
}

/**
 * Attention as it is defined, in float64: for each query the keys that it sees, the softmax of their scores,
 * the sum of their values. Blocks matter only for which keys those are. A query without any visible key has
 * no answer: NaN.
 * @returns (batch, total, heads · head_dim)
 */
export function lsgAttentionByDefinition(problem: AttentionProblem, definition: LsgDefinition): Float64Array {
  const { config, causal } = definition;
  const globals = config.num_global_tokens;
  const prepended = globals - (config.first_token_is_global ? 1 : 0);
  const isWanted = (query: number) => problem.only?.queries.has(query) ?? true;
  return forEachHead(problem, prepended, config.mask_first_token, (all) => {
    const global = all.keys.slice(0, globals);
    // A first token that is global is seen as such, and only once.
    const own = all.keys.map((key, i) => (i < globals ? undefined : key)).slice(prepended);
    const sparse = sparseKeys(definition, { ...all, queries: all.queries.slice(prepended), keys: own });
    return all.queries.map((query, i) => {
      if (!isWanted(i)) return new Float64Array(0);
      const token = Math.max(0, i - prepended);
      const bias = ({ position }: Key) => all.bias(position - token);
      if (i < globals) return weigh(query, causal ? all.keys.slice(0, i + 1) : all.keys, bias);
      const block = Math.floor(token / config.block_size);
      const start = (block - 1) * config.block_size;
      const end = causal ? token + 1 : (block + 2) * config.block_size;
      return weigh(
        query,
        [...global, ...slice(own, start, end), ...sparseOf(definition, sparse, block)],
        bias,
      );
    });
  });
}

/** Full attention in the same terms. Queries are the last positions of the keys. */
export function fullAttentionByDefinition(problem: AttentionProblem, causal: boolean): Float64Array {
  return forEachHead(problem, 0, false, ({ queries, keys, bias }) => {
    const before = keys.length - queries.length;
    return queries.map((query, i) =>
      weigh(query, causal ? keys.slice(0, before + i + 1) : keys, ({ position }) =>
        bias(position - before - i),
      ),
    );
  });
}

/** The sparse keys that a block sees: on each side those beyond its neighbours. */
function sparseOf({ config, causal }: LsgDefinition, sparse: readonly (Key | undefined)[], block: number) {
  const perBlock = config.block_size / config.sparsity_factor;
  const reach = config.sparse_block_size;
  if (sparse.length === 0) return [];
  const left = slice(sparse, (block - 1) * perBlock - reach, (block - 1) * perBlock);
  const right = slice(sparse, (block + 2) * perBlock, (block + 2) * perBlock + reach);
  return causal ? left : [...left, ...right];
}

function sparseKeys(definition: LsgDefinition, own: HeadProblem): readonly (Key | undefined)[] {
  const kind = effectiveSparsity(definition.config);
  if (kind === "none") return [];
  if (definition.config.sparsity_factor === 1) return own.keys;
  const blockSize = definition.config.block_size;
  const padded = Math.ceil(own.keys.length / blockSize) * blockSize;
  const keys = Array.from({ length: padded }, (_, i) => own.keys[i]);
  return SPARSE_DEFINITIONS[kind]({ ...own, keys }, definition);
}

/** `list[start, end)`; indices before the beginning are empty, not counted from the end. */
function slice<T>(list: readonly T[], start: number, end: number): T[] {
  return list.slice(Math.max(0, start), Math.max(0, end));
}

/** softmax(query · keys / √head_dim + bias) · values. */
export function weigh(
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
export function weightedMean(keys: readonly Key[], score: (key: Key) => number): Pair {
  const scores = keys.map(score);
  const largest = Math.max(...scores);
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
