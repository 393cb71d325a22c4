import type { Architecture } from "../architectures/architecture.js";
import type { ModelingClasses } from "../architectures/modeling.js";
import type { Config } from "../checkpoint/checkpoint.js";

/** Of the encoder. */
export interface LayerSizes {
  readonly layers: number;
  readonly heads: number;
}

/** Rows of an LSG source's table of global tokens that stay. */
export type KeptRows = "all" | "first" | "none";

/** What is true of one variant of attention, whatever writes, runs or checks it. @typeParam C its keys in config.json */
export interface VariantRow<C> {
  /** What people call it. */
  readonly title: string;
  /** Whether tokens of long inputs see a part of them only: what a conversion makes. */
  readonly isLocal: boolean;
  /** Its classes, where transformers has none for it: Python code beside the weights. */
  readonly code: ModelingClasses | undefined;
  /** Where transformers finds these classes: config.json's `auto_map`. */
  autoMap(architecture: Architecture): Record<string, string> | undefined;
  /** Whether global tokens can be chosen for each input: `global_attention_mask`. */
  readonly takesGlobals: boolean;
  /** Whether a config says that a model has it in the place of its model type's own. */
  marks(config: Config): boolean;
  /** The key that configs of model types with this attention have, and others should not; undefined where there is none. */
  readonly ownKey: string | undefined;
  /** Reads its keys. @throws CheckpointError or OptionError for values or combinations that don't work */
  read(config: Config, architecture: Architecture, sizes: LayerSizes): C;
  /** The keys of a model that has the first layer alone. */
  ofFirstLayer(config: C): C;
  /** Its blocks or windows in a few words; undefined where there are none. */
  describe(config: C): string | undefined;
  /** How wide it is, as a sentence begins: "Blocks of 256". */
  widthOf(config: C): string;
  /** Whether tokens also see some of those that are far away, besides global ones. */
  isSparse(config: C): boolean;
  /** Tokens in a block, or on one side of the narrowest window: faults of attention show around its multiples. */
  borderOf(config: C): number;
  /** Tokens up to which every token sees every other one, so that all scores are computed at once. */
  seenInFull(config: C): number;
  /** Scores that are computed at once in one head, of a row of so many tokens. */
  scoresAtOnce(config: C, tokens: number): number;
  /** Whether inputs may be longer than the source's table of positions, which stays as it is. */
  readonly outgrowsTable: boolean;
  /** Whether it depends on numbers that PyTorch draws anew in every run, beyond `seenInFull` tokens. */
  isRandom(config: C): boolean;
  /**
   * Up to how many tokens the result computes what the source computes; 0 where nothing is promised.
   * @param maxLength tokens that the source can read
   * @param source the source's own keys, where it has this variant already
   */
  losslessLength(config: C, maxLength: number, source?: C, keptRows?: KeptRows): number;
}
