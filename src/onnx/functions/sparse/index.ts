import { isSparse, type LsgConfig } from "../../../attention/lsg-config.js";
import type { LongInputs } from "../lsg-inputs.js";
import { lshKeys } from "./lsh.js";
import { normKeys } from "./norm.js";
import { bosPoolingKeys, poolingKeys } from "./pooling.js";
import { blockStrideKeys, strideKeys } from "./stride.js";
import type { SparseKeys } from "./tokens.js";

/** What picks sparse keys, `none` included. */
export type SparsityType = NonNullable<LsgConfig["sparsity_type"]>;

const KINDS: Record<Exclude<SparsityType, "none">, (inputs: LongInputs) => SparseKeys> = {
  norm: normKeys,
  pooling: poolingKeys,
  stride: strideKeys,
  block_stride: blockStrideKeys,
  bos_pooling: bosPoolingKeys,
  lsh: lshKeys,
};

/**
 * The keys that the sparse part adds to the tokens' own, block_size / sparsity_factor for each block;
 * none where it is off, or where factor 1 keeps every token.
 */
export function sparseKeys(inputs: LongInputs): SparseKeys | undefined {
  const { config } = inputs;
  const kind = effectiveSparsity(config);
  return kind === "none" || config.sparsity_factor === 1 ? undefined : KINDS[kind](inputs);
}

/** lsh with one bucket in each chunk has nothing to hash: it is defined as bos_pooling. */
export function effectiveSparsity(config: LsgConfig): SparsityType {
  const { sparsity_type: kind, sparsity_factor: factor, sparse_block_size: sparse } = config;
  if (kind === null || !isSparse(config)) return "none";
  return kind === "lsh" && factor === sparse ? "bos_pooling" : kind;
}
