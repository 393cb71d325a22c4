import type { Value } from "../../body.js";
import { scale, transposeLast } from "../attend.js";
import { type LongInputs, prependedTokens } from "../lsg-inputs.js";
import { biasOfCount, middles, padTokens, type SparseKeys, tokenBias, visibility } from "./tokens.js";

/** What the definition of pooling adds to a count. */
const POOLING_EPSILON = 1e-6;

/** What is divided by at least, so that an empty pool's mean is 0: halves as small as the other one are not divisors. */
const LEAST_COUNT = 1e-3;

/** The mean of the visible ones among `sparsity_factor` neighbours. */
export function poolingKeys(inputs: LongInputs): SparseKeys {
  const { op, config } = inputs;
  const seen = op.Reshape(visibility(inputs, tokenBias(inputs)), [0, 1, -1, config.sparsity_factor]);
  const count = op.ReduceSum(seen, [3], { keepdims: 1 });
  const counted = op.Add(count, op.scalarLike(POOLING_EPSILON, count));
  const weights = op.Div(seen, op.Max(counted, op.scalarLike(LEAST_COUNT, count)));
  return pool(inputs, weights, count);
}

/** `sparsity_factor` neighbours, weighted by the attention that the first token pays them. */
export function bosPoolingKeys(inputs: LongInputs): SparseKeys {
  const { op, config, numHeads, query, key } = inputs;
  const bias = tokenBias(inputs);
  const first = prependedTokens(config);
  const bos = scale(op, op.Slice(query, [first], [first + 1], [2]), inputs);
  const scores = op.MatMul(bos, transposeLast(op, padTokens(inputs, key), 4));
  const masked = op.Add(scores, op.Unsqueeze(bias, [1, 2]));
  const weights = op.Softmax(op.Reshape(masked, [0, numHeads, -1, config.sparsity_factor]), { axis: -1 });
  const seen = op.Reshape(visibility(inputs, bias), [0, 1, -1, config.sparsity_factor]);
  return pool(inputs, weights, op.ReduceSum(seen, [3], { keepdims: 1 }));
}

/**
 * @param weights (batch, heads or 1, pools, sparsity_factor)
 * @param count (batch, 1, pools, 1): visible tokens of each pool; one without any is hidden, whatever is in it
 */
function pool(inputs: LongInputs, weights: Value, count: Value): SparseKeys {
  const { op, config, numHeads, headDim } = inputs;
  const column = op.Unsqueeze(weights, [4]);
  const sum = (x: Value) => {
    const pools = op.Reshape(padTokens(inputs, x), [0, numHeads, -1, config.sparsity_factor, headDim]);
    return op.ReduceSum(op.Mul(pools, column), [3], { keepdims: 0 });
  };
  return {
    key: sum(inputs.key),
    value: sum(inputs.value),
    bias: op.Squeeze(biasOfCount(inputs, count), [3]),
    position: () => middles(inputs, config.sparsity_factor),
  };
}
