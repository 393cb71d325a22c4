import type { RelativeBias } from "../../architectures/architecture.js";
import type { LsgConfig } from "../../attention/lsg-config.js";
import type { Op, Value } from "../body.js";
import type { HeadInputs, Heads } from "./attend.js";

export interface LsgAttentionOptions extends Heads {
  readonly config: LsgConfig;
  /** A query sees no later key. Needs `first_token_is_global` and no other global token. */
  readonly causal: boolean;
  /** Seed of lsh's random projections. */
  readonly seed: number;
  /** Scores have a bias by distance: the op has the inputs that `relativeInputs` makes. */
  readonly relative?: RelativeBias | undefined;
}

/** Whether full attention is the same and is taken: up to two blocks. @param length with the prepended tokens, scalar */
export function isShort(op: Op, length: Value, config: LsgConfig): Value {
  return op.LessOrEqual(length, prependedTokens(config) + 2 * config.block_size);
}

/** Global tokens that stand before the row's own: with `first_token_is_global` one of them is the row's. */
export function prependedTokens(config: LsgConfig): number {
  return config.num_global_tokens - (config.first_token_is_global ? 1 : 0);
}

/** What the parts of the block form are given. */
export interface LongInputs extends LsgAttentionOptions, HeadInputs {
  readonly op: Op;
  /** Scalars: prepended + tokens, blocks. */
  readonly length: Value;
  readonly blocks: Value;
}
