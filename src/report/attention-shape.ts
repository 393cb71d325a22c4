import type { LongformerConfig } from "../attention/longformer.js";
import { isSparse, type LsgConfig } from "../attention/lsg-config.js";
import type { Attention, LocalVariant, VariantConfigs } from "../attention/variants.js";
import type { WindowsConfig } from "../attention/windows.js";
import type { AttentionShape } from "./table.js";

export interface DrawnAttention extends AttentionShape {
  /** Tokens seen on either side of each, where that is not a matter of blocks: half a Longformer's window. */
  readonly window?: number;
  /** The windows in which long texts are read: a block is what is read from one of them. */
  readonly windows?: WindowsConfig;
}

/** Tokens `from` to `to` − 1. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What the tokens of one block see, apart from the global tokens. */
export interface BlockView {
  readonly queries: Span;
  readonly local: Span;
  /** Where sparse keys come from: one for every `sparsity_factor` tokens, just beyond the neighbours; of a window all. */
  readonly sparse: readonly Span[];
}

/** A Longformer's band is drawn in steps: so many of them on either side of a token. */
const STEPS = 4;

interface Shown {
  readonly causal: boolean;
  readonly globals: number;
}

const SHAPES: { readonly [V in LocalVariant]: (config: VariantConfigs[V], shown: Shown) => DrawnAttention } =
  {
    lsg: lsgShape,
    longformer: longformerShape,
    windows: windowsShape,
  };

/** Any attention as pictures show it. @param globals tokens drawn as global, where these are chosen for each input */
export function drawnAttention<V extends LocalVariant>(
  { kind, config }: Attention<V>,
  causal: boolean,
  globals = 0,
): DrawnAttention {
  return SHAPES[kind](config, { causal, globals });
}

function lsgShape(lsg: LsgConfig, { causal }: Shown): DrawnAttention {
  const { block_size, num_global_tokens, sparse_block_size, sparsity_factor } = lsg;
  const sparse = isSparse(lsg)
    ? { sparse_block_size, sparsity_factor }
    : { sparse_block_size: 0, sparsity_factor: 1 };
  return { block_size, num_global_tokens, ...sparse, causal };
}

function windowsShape(windows: WindowsConfig, { causal }: Shown): DrawnAttention {
  return {
    block_size: windows.window_size,
    num_global_tokens: 0,
    sparse_block_size: 0,
    sparsity_factor: 1,
    causal,
    windows,
  };
}

/** Of layers that differ, the widest. */
function longformerShape({ attention_window }: LongformerConfig, { causal, globals }: Shown): DrawnAttention {
  const window = Math.max(...attention_window) / 2;
  return {
    block_size: Math.max(1, Math.round(window / STEPS)),
    num_global_tokens: globals,
    sparse_block_size: 0,
    sparsity_factor: 1,
    causal,
    window,
  };
}
