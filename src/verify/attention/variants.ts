import type { Attention, LocalVariant, VariantConfigs } from "../../attention/variants.js";
import type { AttentionProof } from "./attention-proof.js";
import { longformerProof } from "./longformer.js";
import { lsgProof } from "./lsg.js";
import { windowsProof } from "./windows.js";

const PROOFS: { readonly [V in LocalVariant]: (config: VariantConfigs[V]) => AttentionProof } = {
  lsg: lsgProof,
  longformer: longformerProof,
  windows: windowsProof,
};

/** What a converted model's attention is held against. */
export function proofOf<V extends LocalVariant>({ kind, config }: Attention<V>): AttentionProof {
  return PROOFS[kind](config);
}
