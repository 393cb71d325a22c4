import type { RelativeBias } from "../../architectures/architecture.js";
import { relativeBucket } from "../../attention/relative-bucket.js";
import { seededNormal, seededUniform } from "../../base/random.js";
import type { AttentionProblem } from "../definition/attention-problem.js";

/** Queries of a row for which the definition is computed, besides those around borders of blocks. */
const SEEDED_QUERIES = 16;

/** The golden ratio: its multiples' fractions keep their distance from each other. */
const GOLDEN = (1 + Math.sqrt(5)) / 2;

export interface ProblemSize {
  readonly numHeads: number;
  readonly headDim: number;
  /** Global tokens before those of the mask. */
  readonly prepended: number;
  readonly length: number;
  readonly blockSize: number;
  /** Where scores have a bias by distance. */
  readonly relative?: RelativeBias | undefined;
  readonly seed: number;
}

export interface RandomProblem extends AttentionProblem {
  /** Of relative biases: (buckets, heads). */
  readonly table?: Float32Array;
}

/**
 * Random queries, keys and values: a full row and one that is padded on the right. Of the answers the first and
 * the last head's are asked for, at the borders of blocks and some places between.
 */
export function attentionProblem(size: ProblemSize): RandomProblem {
  const { numHeads, headDim, prepended, length, blockSize, relative, seed } = size;
  const total = prepended + length;
  const width = numHeads * headDim;
  const shorter = Math.max(1, Math.floor(0.7 * length));
  const [normal, uniform] = [seededNormal(seed), seededUniform(seed)];
  const draw = () => Float32Array.from({ length: 2 * total * width }, normal);
  const borders = Array.from({ length: Math.ceil(length / blockSize) + 1 }, (_, i) => i * blockSize);
  const tokens = [
    ...borders.flatMap((border) => [border - 1, border]),
    ...Array.from({ length: SEEDED_QUERIES }, () => Math.floor(uniform() * length)),
    length - 1,
  ].filter((token) => token >= 0 && token < length);
  return {
    batch: 2,
    numHeads,
    headDim,
    query: draw(),
    key: withDistinctNorms(draw(), headDim),
    value: draw(),
    mask: Array.from({ length: 2 * length }, (_, i) => (i < length + shorter ? 1 : 0)),
    ...(relative && randomBias(relative, numHeads, normal)),
    only: {
      heads: new Set([0, numHeads - 1]),
      queries: new Set([0, ...tokens.map((token) => prepended + token)]),
    },
  };
}

/** Of buckets, as different from each other as keys are. */
export function randomBias(relative: RelativeBias, numHeads: number, normal: () => number) {
  const table = Float32Array.from({ length: relative.buckets * numHeads }, normal);
  const bias = (head: number, offset: number) =>
    table[relativeBucket(offset, relative) * numHeads + head] ?? Number.NaN;
  return { table, bias };
}

/**
 * Gives every key a norm of its own. Keys that are selected by their norms would otherwise lie so close, now and
 * then, that float32 and float64 select differently.
 */
function withDistinctNorms(keys: Float32Array, headDim: number): Float32Array {
  for (let at = 0, i = 1; at < keys.length; at += headDim, i++) {
    const vector = keys.subarray(at, at + headDim);
    const norm = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
    const wanted = Math.sqrt(headDim) * (0.5 + ((i * GOLDEN) % 1));
    vector.forEach((x, d) => {
      vector[d] = (x * wanted) / norm;
    });
  }
  return keys;
}
