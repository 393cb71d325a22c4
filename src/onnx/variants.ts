import type { Attention, Variant, VariantConfigs } from "../attention/variants.js";
import type { EncoderAttention } from "./encoder.js";
import { fullEncoder } from "./full.js";
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
