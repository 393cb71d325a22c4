import type { FullConfig } from "../attention/full.js";
import { type EncoderAttention, encoderHeads } from "./encoder.js";
import { fullAttention } from "./functions/full-attention.js";
import { WHOLE_MASK } from "./functions/masks.js";

/** One op for all layers, in which every token sees every other one; none a later one where the model is causal. */
export function fullEncoder(_: FullConfig): EncoderAttention {
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
