import type { LongformerConfig } from "./longformer.js";
import { effectiveSparsity, type LsgConfig } from "./lsg-config.js";

/** The attention of the result, with its keys in the config. */
export type PlannedAttention =
  | { readonly kind: "lsg"; readonly config: LsgConfig }
  | { readonly kind: "longformer"; readonly config: LongformerConfig };

/** Tokens in a block, or on one side of the narrowest window: around its multiples attention goes wrong if it does. */
export function borderOf(attention: PlannedAttention): number {
  return attention.kind === "lsg"
    ? attention.config.block_size
    : Math.min(...attention.config.attention_window) / 2;
}

/** Tokens up to which every token sees every other one, so that all scores are computed at once. */
export function seenInFull(attention: PlannedAttention): number {
  if (attention.kind === "lsg") return 2 * attention.config.block_size;
  const { attention_window, attention_dilation } = attention.config;
  return attention_dilation ? 1 : Math.min(...attention_window) / 2 + 1;
}

/** The keys of LSG attention; undefined for a Longformer's. */
export function lsgOf(attention: PlannedAttention | undefined): LsgConfig | undefined {
  return attention?.kind === "lsg" ? attention.config : undefined;
}

/** Whether attention depends on numbers that PyTorch draws anew in every run, beyond two blocks. */
export function isRandom(attention: PlannedAttention): boolean {
  const lsg = lsgOf(attention);
  return lsg !== undefined && effectiveSparsity(lsg) === "lsh" && lsg.sparsity_factor > 1;
}
