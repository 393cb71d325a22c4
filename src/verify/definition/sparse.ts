import type { LsgConfig, SparsityType } from "../../attention/lsg-config.js";
import { lshProjections, lshRounds } from "../../onnx/functions/sparse/lsh-projections.js";
import { dot, type HeadProblem, type Key, type Pair, sumOf, weightedMean } from "./attention-problem.js";

export interface LsgDefinition {
  readonly config: LsgConfig;
  readonly causal: boolean;
  readonly seed: number;
}

type SparseDefinition = (head: HeadProblem, definition: LsgDefinition) => (Key | undefined)[];

/** How each sparsity type makes its sparse keys of a row's tokens, which are padded to whole blocks. */
export const SPARSE_DEFINITIONS: Record<Exclude<SparsityType, "none">, SparseDefinition> = {
  norm: ({ keys }, { config }) => {
    const size = chunkSize(config);
    const kept = Math.floor(size / config.sparsity_factor);
    return chunks(keys, size).flatMap((chunk) => {
      const norms = chunk.map((key) => (key ? Math.sqrt(dot(key.key, key.key)) : 0));
      const largestFirst = [...chunk.keys()].sort((a, b) => (norms[b] ?? 0) - (norms[a] ?? 0) || a - b);
      return largestFirst
        .slice(0, kept)
        .reverse()
        .map((i) => chunk[i]);
    });
  },

  pooling: ({ keys }, { config }) =>
    chunks(keys, config.sparsity_factor).map((pool, i) => {
      const seen = visible(pool);
      // The reference divides by the count and a little more.
      const mean = seen.length > 0 ? sumOf(seen, () => 1 / (seen.length + 1e-6)) : undefined;
      return mean && { ...mean, position: middle(i, config.sparsity_factor) };
    }),

  bos_pooling: ({ keys, queries }, { config }) =>
    chunks(keys, config.sparsity_factor).map((pool, i) => {
      const seen = visible(pool);
      const bos = queries[0];
      if (!bos || seen.length === 0) return undefined;
      const mean = weightedMean(seen, (key) => dot(bos, key.key) / Math.sqrt(bos.length));
      return { ...mean, position: middle(i, config.sparsity_factor) };
    }),

  stride: ({ keys, head }, { config }) => {
    const factor = config.sparsity_factor;
    return chunks(keys, factor).map((pool) => pool[head % factor]);
  },

  block_stride: ({ keys, head }, { config }) => {
    const run = config.block_size / config.sparsity_factor;
    return chunks(keys, config.block_size).flatMap((block) =>
      Array.from({ length: run }, (_, i) => block[(head * run + i) % config.block_size]),
    );
  },

  lsh: ({ keys, head }, { config, seed }) =>
    chunks(keys, chunkSize(config)).flatMap((chunk, i) => {
      const empty = () => ({ count: 0, sum: undefined as Pair | undefined });
      let members = chunk.map((key) => ({ count: key ? 1 : 0, sum: key as Pair | undefined }));
      lshRounds(config).forEach((buckets, round) => {
        const merged = Array.from({ length: buckets }, empty);
        for (const { count, sum } of members) {
          if (!sum) continue;
          const into = merged[bucketOf(sum.key, buckets, { head, seed, round })];
          if (!into) continue;
          into.sum = into.sum ? sumOf([into.sum, sum], () => 1) : sum;
          into.count += count;
        }
        members = merged;
      });
      return members.map(
        ({ count, sum }) =>
          sum && { ...sumOf([sum], () => 1 / (count + 1e-8)), position: middle(i, chunkSize(config)) },
      );
    }),
};

/** The index of the largest of a key's projections on random directions, then on their opposites. */
function bucketOf(
  key: Float64Array,
  buckets: number,
  { head, seed, round }: { head: number; seed: number; round: number },
): number {
  const directions = Math.floor(buckets / 2);
  const size = key.length * directions;
  const all = lshProjections(seed, round, (head + 1) * size).subarray(head * size);
  const towards = Array.from({ length: directions }, (_, j) =>
    key.reduce((sum, x, d) => sum + x * (all[d * directions + j] ?? Number.NaN), 0),
  );
  const both = [...towards, ...towards.map((x) => -x)];
  return both.indexOf(Math.max(...both));
}

function chunkSize({ block_size, sparse_block_size }: LsgConfig): number {
  return Math.min(block_size, sparse_block_size);
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) =>
    list.slice(i * size, (i + 1) * size),
  );
}

/** Where a mean of the i-th `size` neighbours stands, whichever of them it is of: the earlier of two middles. */
function middle(i: number, size: number): number {
  return i * size + Math.floor((size - 1) / 2);
}

function visible(keys: readonly (Key | undefined)[]): Key[] {
  return keys.filter((key) => key !== undefined);
}
