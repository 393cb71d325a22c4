import type { Value } from "../../body.js";
import { transposeLast } from "../attend.js";
import type { LongInputs } from "../lsg-inputs.js";
import { lshProjections, lshRounds } from "./lsh-projections.js";
import { biasOfCount, middles, padTokens, type SparseKeys, tokenBias, visibility } from "./tokens.js";

/** Keeps an empty bucket's mean at 0. */
const BUCKET_EPSILON = 1e-8;

/**
 * Locality-sensitive hashing: in each chunk of min(block_size, sparse_block_size) tokens, keys that point the
 * same way fall into one bucket and are summed; a few rounds among as many buckets as tokens, then one among
 * one bucket in `sparsity_factor`; the mean of what lies in a bucket is a sparse key. A key's bucket is the
 * largest of its projections on random directions and on their opposites.
 */
export function lshKeys(inputs: LongInputs): SparseKeys {
  const { op, numHeads, headDim, config, seed } = inputs;
  const chunk = Math.min(config.block_size, config.sparse_block_size);
  const seen = op.Unsqueeze(visibility(inputs, tokenBias(inputs)), [1, 3]);
  const chunks = (x: Value, width: number) => op.Reshape(x, [0, numHeads, -1, chunk, width]);
  const masked = (x: Value) => chunks(op.Mul(padTokens(inputs, x), seen), headDim);
  const counts = chunks(op.Expand(seen, [1, numHeads, 1, 1]), 1);

  let sums = op.Concat(masked(inputs.key), masked(inputs.value), counts, { axis: -1 });
  lshRounds(config).forEach((buckets, round) => {
    const directions = Math.floor(buckets / 2);
    const values = lshProjections(seed, round, numHeads * headDim * directions);
    const projection = op.CastLike(op.constant("F32", values, [numHeads, 1, headDim, directions]), sums);
    const towards = op.MatMul(slice(inputs, sums, 0, headDim), projection);
    const bucket = op.ArgMax(op.Concat(towards, op.Neg(towards), { axis: -1 }), { axis: -1, keepdims: 1 });
    const membership = op.CastLike(op.Equal(bucket, op.Range(0, buckets, 1)), sums);
    sums = op.MatMul(transposeLast(op, membership, 5), sums);
  });

  const count = slice(inputs, sums, 2 * headDim, 2 * headDim + 1);
  const mean = op.Div(sums, op.Add(count, op.scalarLike(BUCKET_EPSILON, count)));
  const sequence = (x: Value) => op.Reshape(x, [0, numHeads, -1, headDim]);
  return {
    key: sequence(slice(inputs, mean, 0, headDim)),
    value: sequence(slice(inputs, mean, headDim, 2 * headDim)),
    bias: op.Reshape(biasOfCount(inputs, count), [0, numHeads, -1]),
    position: () => middles(inputs, chunk, Math.floor(chunk / config.sparsity_factor)),
  };
}

function slice({ op }: LongInputs, x: Value, start: number, end: number): Value {
  return op.Slice(x, [start], [end], [4]);
}
