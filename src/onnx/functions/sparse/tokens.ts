import type { Value } from "../../body.js";
import { type LongInputs, prependedTokens } from "../lsg-inputs.js";
import { HIDDEN } from "../masks.js";

/** Keys that stand for several tokens, or for a few picked ones, in the order of their blocks. */
export interface SparseKeys {
  /** (batch, heads, sparse keys, head_dim), also `value`. */
  readonly key: Value;
  readonly value: Value;
  /** (batch, heads or 1, sparse keys): 0 or `HIDDEN`. */
  readonly bias: Value;
  /**
   * (batch or 1, heads or 1, sparse keys): the token that each is, or of a mean of neighbours the one in their middle,
   * the earlier of two. Only relative biases ask for it.
   */
  readonly position: () => Value;
}

/** Number of tokens, padded to whole blocks: a scalar. */
export function paddedTokens({ op, blocks, config }: LongInputs): Value {
  return op.Mul(blocks, config.block_size);
}

/** Rows of the given token positions; what lies beyond the end repeats the last row, its bias hides it. */
export function tokenRows({ op, config, length }: LongInputs, positions: Value): Value {
  return op.Min(op.Add(positions, prependedTokens(config)), op.Sub(length, 1));
}

/** (batch, heads, length, …) at every token of whole blocks: (batch, heads, padded tokens, …). */
export function padTokens(inputs: LongInputs, x: Value): Value {
  const { op } = inputs;
  return op.Gather(x, tokenRows(inputs, op.Range(0, paddedTokens(inputs), 1)), { axis: 2 });
}

/** (batch, padded tokens): the bias of tokens as local and sparse keys. A first token that is global is hidden. */
export function tokenBias(inputs: LongInputs): Value {
  const { op, bias, config, length } = inputs;
  const globals = config.num_global_tokens;
  const prepended = prependedTokens(config);
  const behind = op.Sub(op.Add(paddedTokens(inputs), prepended), length);
  const pads = op.Concat([0, globals - prepended, 0], op.Reshape(behind, [1]), { axis: 0 });
  const own = op.Slice(bias, [globals], op.Reshape(length, [1]), [1]);
  return op.Pad(own, pads, op.scalarLike(HIDDEN, bias));
}

/** Positions of `count` sparse keys for each run of `size` tokens: (1, 1, sparse keys). */
export function middles(inputs: LongInputs, size: number, count = 1): Value {
  const { op } = inputs;
  const first = op.Range(0, paddedTokens(inputs), size);
  const middle = op.Unsqueeze(op.Add(first, Math.floor((size - 1) / 2)), [1]);
  return op.Reshape(op.Expand(middle, [1, count]), [1, 1, -1]);
}

/** 1 where a bias lets a key be seen, else 0. */
export function visibility({ op }: LongInputs, bias: Value): Value {
  return op.CastLike(op.Equal(bias, op.scalarLike(0, bias)), bias);
}

/** 0 where a count of visible keys is above 0, else `HIDDEN`. */
export function biasOfCount({ op }: LongInputs, count: Value): Value {
  const zero = op.scalarLike(0, count);
  return op.Where(op.Greater(count, zero), zero, op.scalarLike(HIDDEN, count));
}
