import { effectiveSparsity, type SparsityType } from "../../../attention/lsg-config.js";
import type { LongInputs } from "../lsg-inputs.js";
import { lshKeys } from "./lsh.js";
import { normKeys } from "./norm.js";
import { bosPoolingKeys, poolingKeys } from "./pooling.js";
import { blockStrideKeys, strideKeys } from "./stride.js";
import type { SparseKeys } from "./tokens.js";

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
