import { isSparse, type LsgConfig } from "../attention/lsg-config.js";
import type { LocalAttention } from "../attention/variants.js";
import type { AttentionShape } from "./table.js";

/** LocalAttention as pictures show it. */
export interface DrawnAttention extends AttentionShape {
  /** Tokens seen on either side of each, where that is no matter of blocks: half a Longformer's window. */
  readonly window?: number;
}

/** A Longformer's band is drawn in steps: so many of them on either side of a token. */
const STEPS = 4;

/** LSG attention as pictures show it. */
export function lsgShape(lsg: LsgConfig, causal: boolean): AttentionShape {
  const { block_size, num_global_tokens, sparse_block_size, sparsity_factor } = lsg;
  const sparse = isSparse(lsg)
    ? { sparse_block_size, sparsity_factor }
    : { sparse_block_size: 0, sparsity_factor: 1 };
  return { block_size, num_global_tokens, ...sparse, causal };
}

/** Any planned attention as pictures show it; of layers that differ, the widest. @param globals tokens drawn as global */
export function drawnAttention(attention: LocalAttention, causal: boolean, globals: number): DrawnAttention {
  if (attention.kind === "lsg") return lsgShape(attention.config, causal);
  const window = Math.max(...attention.config.attention_window) / 2;
  return {
    block_size: Math.max(1, Math.round(window / STEPS)),
    num_global_tokens: globals,
    sparse_block_size: 0,
    sparsity_factor: 1,
    causal,
    window,
  };
}
