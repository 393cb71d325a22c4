import type { WindowsConfig } from "../attention/windows.js";
import type { VariantPlan } from "./weights.js";

/** A conversion to windows: the source's own weights and tables; what is new stands in the config. */
export const windowsPlan: VariantPlan<WindowsConfig> = {
  offers: ({ encoder }) => encoder.layers.global === undefined,
  target: async (source) => source,
  refuseForeign: () => {},
  plan: () => {
    throw new Error("not yet");
  },
  notes: () => [],
  card: { attention: "full attention in windows", ofLongInputs: "full within windows" },
  cardText: ({ window_size, window_overlap }) =>
    `Up to ${window_size} tokens it is the original. Beyond, it reads windows of ${window_size} that share ${window_overlap}.`,
};
