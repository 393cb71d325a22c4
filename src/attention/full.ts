import type { VariantRow } from "./variant-row.js";

/** Full attention has no keys of its own in config.json. */
export type FullConfig = Readonly<Record<string, never>>;

/** Every token sees every other one, at every length. */
export const fullRow = {
  title: "full attention",
  isLocal: false,
  code: undefined,
  autoMap: () => undefined,
  takesGlobals: false,
  marks: () => false,
  ownKey: undefined,
  read: () => ({}),
  ofFirstLayer: (config) => config,
  describe: () => undefined,
  widthOf: () => "All",
  isSparse: () => false,
  borderOf: () => Number.POSITIVE_INFINITY,
  seenInFull: () => Number.POSITIVE_INFINITY,
  scoresAtOnce: (_, tokens) => tokens ** 2,
  outgrowsTable: false,
  isRandom: () => false,
  losslessLength: (_, maxLength) => maxLength,
} as const satisfies VariantRow<FullConfig>;
