import type { Attention, LocalVariant, VariantConfigs } from "../attention/variants.js";
import { longformerPlan } from "./longformer.js";
import { lsgPlan } from "./lsg.js";
import type { PlanInputs } from "./plan-inputs.js";
import type { VariantPlan, WeightPlan } from "./weights.js";
import { windowsPlan } from "./windows.js";

/** What conversions to each variant have of their own. */
export const PLANS: { readonly [V in LocalVariant]: VariantPlan<VariantConfigs[V]> } = {
  lsg: lsgPlan,
  longformer: longformerPlan,
  windows: windowsPlan,
};

/** What users should know of the result's attention. */
export function variantNotes(inputs: PlanInputs, weights: WeightPlan): (string | false)[] {
  const notesOf = <V extends LocalVariant>({ kind, config }: Attention<V>) =>
    PLANS[kind].notes(inputs, weights, config);
  return notesOf(weights.attention);
}

/** Where the source's own computation reads long inputs too, in parts: that, in a sentence. */
export function inParts<V extends LocalVariant>({ kind, config }: Attention<V>): string | undefined {
  return PLANS[kind].inParts?.(config);
}

/** A model card's text about attention. */
export function cardText<V extends LocalVariant>({ kind, config }: Attention<V>): string {
  return PLANS[kind].cardText(config);
}
