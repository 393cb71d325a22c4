import type { Value } from "../body.js";
import { sizeOf, vector } from "./attend.js";
import { type LongInputs, prependedTokens } from "./lsg-inputs.js";
import { isSparseFar, offsetColumns, rowPositions } from "./relative-bias.js";
import { paddedTokens } from "./sparse/tokens.js";
import { windowColumns } from "./windows.js";

// Biases by distance in the block form. Where scores have none, these change nothing.

// A global token stands at position 0, as far from a query as that is from the beginning: queries and keys have one more
// element, whose product is the bias of that.

/** That of every head's queries, if scores have a bias: (heads, padded tokens, 1). */
export function queryElements(inputs: LongInputs): Value | undefined {
  const { op, relative, biasByOffset, headDim } = inputs;
  if (!relative || !biasByOffset) return undefined;
  const offsets = op.Neg(op.Range(0, paddedTokens(inputs), 1));
  const bias = op.Gather(biasByOffset, offsetColumns(op, offsets, relative), { axis: 1 });
  // The product is divided by it.
  return op.Unsqueeze(op.Mul(bias, op.scalarLike(Math.sqrt(headDim), bias)), [2]);
}

/** @param keys (batch, heads, keys, width): own ones, sparse ones, the null key, which is global key 0 once more */
export function keysWithBiasOfGlobals(inputs: LongInputs, keys: Value): Value {
  const { op, relative, config } = inputs;
  if (!relative) return keys;
  const count = sizeOf(op, keys, 2);
  const row = op.Range(0, count, 1);
  const isGlobal = op.Or(op.Less(row, config.num_global_tokens), op.Equal(row, op.Sub(count, 1)));
  return withElement(inputs, keys, op.Unsqueeze(op.CastLike(isGlobal, keys), [1]));
}

/** x with one more element in each row, if there is one. @param element (heads or nothing, rows, 1) */
export function withElement(inputs: LongInputs, x: Value, element: Value | undefined): Value {
  if (!element) return x;
  const { op, query, numHeads } = inputs;
  return op.Concat(x, op.Expand(element, vector(op, sizeOf(op, query, 0), numHeads, 1, 1)), { axis: 3 });
}

/**
 * Scores of blocks with the bias of what lies in their windows.
 * @param scores (batch, heads, blocks, block_size, columns)
 * @param rows (blocks, columns) of own keys, sparse keys, the null key
 * @param sparsePosition of sparse keys beside tokens' own, (batch or 1, heads, sparse keys), where `hasBiasOfSparse`
 */
export function addWindowBias(
  inputs: LongInputs,
  scores: Value,
  rows: Value,
  sparsePosition: Value | undefined,
): Value {
  const { op, relative, relativeBias } = inputs;
  if (!relative || !relativeBias) return scores;
  const steady = op.Add(scores, op.Unsqueeze(relativeBias, [1]));
  return sparsePosition ? op.Add(steady, biasOfSparse(inputs, rows, sparsePosition)) : steady;
}

/** Whether the bias of sparse keys depends on where they are: far ones share what `relativeBias` holds for them. */
export function hasBiasOfSparse({ relative, config }: LongInputs): boolean {
  return relative !== undefined && !isSparseFar(config, relative);
}

/** (batch or 1, heads, blocks, block_size, columns): the bias of sparse keys, 0 for other columns. */
function biasOfSparse(inputs: LongInputs, rows: Value, position: Value): Value {
  const { op, config, causal, length, numHeads, biasByOffset, relative, blocks } = inputs;
  if (!relative || !biasByOffset) throw new Error("scores have no bias by distance");
  const { block_size: blockSize, num_global_tokens: globals } = config;
  const first = globals + (causal ? 2 : 3) * blockSize;
  const { columns, filledTo } = windowColumns(config, causal);
  // The null key is the one behind them.
  const seen = op.Sub(op.Slice(rows, [first], [columns], [1]), length);
  const keys = op.Gather(op.Pad(position, [0, 0, 0, 0, 0, 1]), seen, { axis: 2 });
  const queries = op.Reshape(op.Range(0, paddedTokens(inputs), 1), vector(op, blocks, blockSize, 1));
  const column = offsetColumns(op, op.Sub(op.Unsqueeze(keys, [3]), queries), relative);
  const perHead = 2 * relative.maxDistance + 1;
  const head = op.constant(
    "I64",
    Array.from({ length: numHeads }, (_, i) => i * perHead),
    [numHeads, 1, 1, 1],
  );
  const bias = op.Gather(op.Reshape(biasByOffset, [-1]), op.Add(column, head));
  return op.Pad(bias, [0, 0, 0, 0, first, 0, 0, 0, 0, filledTo - columns], op.scalarLike(0, bias));
}

/** Scores of global tokens, which stand at position 0, with their bias. @param scores (batch, heads, globals, length) */
export function addBiasOfGlobals(inputs: LongInputs, scores: Value): Value {
  const { op, relative, biasByOffset, config, length } = inputs;
  if (!relative || !biasByOffset) return scores;
  const column = offsetColumns(op, rowPositions(op, length, prependedTokens(config)), relative);
  return op.Add(scores, op.Unsqueeze(op.Gather(biasByOffset, column, { axis: 1 }), [1]));
}

/**
 * What makes a null key faint, as an element behind `headDim` zeros: `faint`, and where windows have a bias, which
 * null keys in them get as well, less the largest of that.
 */
export function faintScore({ op, headDim, key, biasByOffset }: LongInputs, faint: number): Value {
  const zeros = Array<number>(headDim).fill(0);
  const element = op.CastLike(op.constant("F32", [...zeros, faint]), key);
  if (!biasByOffset) return element;
  const largest = op.Relu(op.ReduceMax(biasByOffset, { keepdims: 0 }));
  return op.Sub(element, op.Mul(op.CastLike(op.constant("F32", [...zeros, 1]), key), largest));
}
