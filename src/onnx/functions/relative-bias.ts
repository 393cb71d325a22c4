import type { RelativeBias } from "../../architectures/architecture.js";
import { isSparse, type LsgConfig } from "../../attention/lsg-config.js";
import { relativeBucket } from "../../attention/relative-bucket.js";
import type { Op, Value } from "../body.js";
import { sizeOf } from "./attend.js";
import { isShort, prependedTokens } from "./lsg-inputs.js";
import { localOffsets, sparseOffsets, windowColumns } from "./windows.js";

/** The attention that biases are for; without `config` full attention. */
export interface Biased {
  readonly relative: RelativeBias;
  readonly config?: LsgConfig | undefined;
  readonly causal: boolean;
}

/**
 * What attention ops take behind `key_bias` where scores have a bias by distance, computed once per model:
 * - `relative_bias`: (heads, queries, keys) for full attention, which short inputs take as well; for long ones
 *   (heads, block_size, columns of a window), as from block to block distances repeat. What is in a window and does
 *   not keep its distance, global tokens and sparse keys nearby, has 0 there;
 * - `bias_by_offset`, of LSG attention: (heads, 2 · maxDistance + 1), for offsets of keys from −maxDistance on.
 * All global tokens stand at position 0, that of the token which the first of them is or repeats.
 * @param table (buckets or more, heads)
 * @param keyBias (batch, prepended tokens + length)
 */
export function relativeInputs(op: Op, table: Value, keyBias: Value, biased: Biased): Value[] {
  const { relative, config } = biased;
  const length = sizeOf(op, keyBias, 1);
  const buckets = Array.from({ length: 2 * relative.maxDistance + 1 }, (_, i) =>
    relativeBucket(i - relative.maxDistance, relative),
  );
  const byOffset = op.Transpose(op.Gather(table, buckets), { perm: [1, 0] });
  const ofPairs = () => {
    const positions = rowPositions(op, length, config ? prependedTokens(config) : 0);
    return biasOfPairs(op, byOffset, positions, positions, relative);
  };
  if (!config) return [ofPairs()];
  const [bias] = op.If(
    isShort(op, length, config),
    () => [ofPairs()],
    () => [biasOfWindow(op, byOffset, { ...biased, config })],
  );
  return [bias, byOffset];
}

/** Positions of an input's rows: prepended global tokens stand at 0, as the first token does. @param length scalar */
export function rowPositions(op: Op, length: Value, prepended: number): Value {
  const rows = op.Range(0, length, 1);
  return prepended > 0 ? op.Max(op.Sub(rows, prepended), 0) : rows;
}

/** Columns of `bias_by_offset` for offsets of any shape. */
export function offsetColumns(op: Op, offsets: Value, { maxDistance }: RelativeBias): Value {
  return op.Add(op.Max(op.Min(offsets, maxDistance), -maxDistance), maxDistance);
}

/** Whether every sparse key that a block sees has the bias of the farthest keys. */
export function isSparseFar(config: LsgConfig, { maxDistance }: RelativeBias): boolean {
  return config.block_size >= maxDistance;
}

/** (heads, queries, keys) for positions as vectors. */
function biasOfPairs(op: Op, byOffset: Value, queries: Value, keys: Value, relative: RelativeBias): Value {
  const offsets = op.Sub(keys, op.Unsqueeze(queries, [1]));
  return op.Gather(byOffset, offsetColumns(op, offsets, relative), { axis: 1 });
}

/** (heads, block_size, columns of a window). */
function biasOfWindow(
  op: Op,
  byOffset: Value,
  { config, causal, relative }: Required<Biased> & { config: LsgConfig },
) {
  const offsets = [...localOffsets(config, causal), ...steadyOffsets(config, causal, relative)];
  const keys = op.constant("I64", offsets);
  const bias = biasOfPairs(op, byOffset, op.Range(0, config.block_size, 1), keys, relative);
  const before = config.num_global_tokens;
  const behind = windowColumns(config, causal).filledTo - before - offsets.length;
  return op.Pad(bias, [0, 0, before, 0, 0, behind]);
}

/** Offsets of sparse keys from a block's first token, as far as they are the same for all blocks. */
function steadyOffsets(config: LsgConfig, causal: boolean, relative: RelativeBias): number[] {
  const [left, right] = sparseOffsets(config, causal);
  if (!isSparse(config)) return [];
  // Every token is a sparse key then.
  if (config.sparsity_factor === 1) return [...left, ...right];
  if (!isSparseFar(config, relative)) return [];
  const far = relative.maxDistance + config.block_size;
  return [...left.map(() => -far), ...right.map(() => far)];
}
