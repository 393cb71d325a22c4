import { isSparse, type LsgConfig } from "../../attention/lsg-config.js";
import { range } from "../../base/range.js";
import type { Value } from "../body.js";
import { vector } from "./attend.js";
import { type LongInputs, prependedTokens } from "./lsg-inputs.js";
import { HIDDEN } from "./masks.js";

/**
 * Windows are filled up with null keys to a multiple of this. Products and softmax then run on whole vector
 * registers: an eighth faster on AVX-512 where one global token makes windows odd.
 */
const WINDOW_MULTIPLE = 16;

/**
 * The rows of keys that each block sees: (blocks, globals + local + sparse, filled up). Keys stand in the order globals,
 * tokens, sparse keys, null key; what lies outside of its part is the null key's row.
 * - local: the block, the one before and, unless causal, the one after;
 * - sparse: `sparse_block_size` sparse keys on each side, just beyond the three blocks. A block has
 *   `block_size / sparsity_factor` sparse keys, and these stand in the order of their blocks.
 * @param nullRow scalar
 */
export function keyWindows(inputs: LongInputs, nullRow: Value): Value {
  const { op, config, blocks, length, causal } = inputs;
  const { block_size: blockSize, num_global_tokens: globals, sparsity_factor: factor } = config;
  const block = op.Unsqueeze(op.Range(0, blocks, 1), [1]);
  const part = (
    perBlock: number,
    first: number | Value,
    offsets: number[],
    lower: number | Value,
    upper: Value,
  ) => {
    const row = op.Add(op.Add(op.Mul(block, perBlock), offsets), first);
    return op.Where(op.And(op.GreaterOrEqual(row, lower), op.Less(row, upper)), row, nullRow);
  };
  const { columns, filledTo } = windowColumns(config, causal);
  const concat = (...parts: Value[]) =>
    op.Concat(...parts, op.Expand(nullRow, vector(op, blocks, filledTo - columns)), { axis: 1 });
  const prepended = prependedTokens(config);
  const globalRows = op.Expand(range(0, globals), vector(op, blocks, globals));
  const localRows = part(blockSize, prepended, localOffsets(config, causal), globals, length);
  if (!isSparse(config)) return concat(globalRows, localRows);

  const perBlock = blockSize / factor;
  const offsets = sparseOffsets(config, causal).flat();
  const sparseRows =
    factor === 1
      ? part(perBlock, prepended, offsets, globals, length)
      : part(perBlock, length, offsets, length, nullRow);
  return concat(globalRows, localRows, sparseRows);
}

/** Tokens that a block sees beside its sparse keys, seen from its first one. */
export function localOffsets({ block_size: blockSize }: LsgConfig, causal: boolean): number[] {
  return range(-blockSize, (causal ? 1 : 2) * blockSize);
}

/** Sparse keys that a block sees on the left and on the right, seen from the first that is made of it. */
export function sparseOffsets(config: LsgConfig, causal: boolean): [left: number[], right: number[]] {
  if (!isSparse(config)) return [[], []];
  const perBlock = config.block_size / config.sparsity_factor;
  const size = config.sparse_block_size;
  return [range(-perBlock - size, -perBlock), causal ? [] : range(2 * perBlock, 2 * perBlock + size)];
}

/** Columns of a block's window, and as many as it is filled up to. */
export function windowColumns(config: LsgConfig, causal: boolean): { columns: number; filledTo: number } {
  const parts = [localOffsets(config, causal), ...sparseOffsets(config, causal)];
  const columns = parts.reduce((sum, { length }) => sum + length, config.num_global_tokens);
  return { columns, filledTo: Math.ceil(columns / WINDOW_MULTIPLE) * WINDOW_MULTIPLE };
}

/**
 * What hides later keys inside a block: (block_size, columns of a block's window), laid out as `keyWindows`
 * does. Only the block's own columns hold later keys: columns before them are earlier blocks and the global
 * token, which is the first.
 */
export function causalWindow({ op, config, query }: LongInputs, columns: Value): Value {
  const { block_size: blockSize, num_global_tokens: globals } = config;
  const firstOwn = globals + blockSize;
  const column = op.Sub(op.Range(0, columns, 1), firstOwn);
  const isOwn = op.Less(column, blockSize);
  const row = op.Unsqueeze(op.Range(0, blockSize, 1), [1]);
  const isLater = op.And(op.Greater(column, row), isOwn);
  return op.Where(isLater, op.scalarLike(HIDDEN, query), op.scalarLike(0, query));
}
