import type { FullConfig } from "../attention/full.js";
import type { Attention, Variant, VariantConfigs } from "../attention/variants.js";
import { type EncoderAttention, encoderHeads } from "./encoder.js";
import { fullAttention } from "./functions/full-attention.js";
import { WHOLE_MASK } from "./functions/masks.js";
import { longformerEncoder } from "./longformer.js";
import { lsgEncoder } from "./lsg.js";
import { windowsEncoder } from "./windows.js";

const ENCODERS: { readonly [V in Variant]: (config: VariantConfigs[V]) => EncoderAttention } = {
  full: fullEncoder,
  lsg: lsgEncoder,
  longformer: longformerEncoder,
  windows: windowsEncoder,
};

/** What an encoder's graph has of an attention. Any model can have any: a converted one the full attention it came from. */
export function encoderAttention<V extends Variant>({ kind, config }: Attention<V>): EncoderAttention {
  return ENCODERS[kind](config);
}

/** One op for all layers, in which every token sees every other one; none a later one where the model is causal. */
function fullEncoder(_: FullConfig): EncoderAttention {
  return {
    suffix: "-full",
    keys: WHOLE_MASK,
    outputKeys: WHOLE_MASK,
    choosesGlobals: false,
    op: (model) =>
      fullAttention({
        ...encoderHeads(model),
        causal: model.isCausal,
        relative: model.architecture.encoder.relativeBias,
      }),
  };
}
