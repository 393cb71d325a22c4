import type { Architecture } from "../architectures/architecture.js";
import type { Attention, LocalAttention, Variant } from "../attention/variants.js";
import type { Checkpoint, Config } from "../checkpoint/checkpoint.js";
import type { ModelClass } from "../model/classes.js";
import type { Model } from "../model/model.js";
import { configLabels } from "../model/tensor-specs.js";
import type { ConversionOptions } from "../options/options.js";
import type { Lengths } from "../tokenizer/raise-length.js";
import type { PlanInputs } from "./plan-inputs.js";
import type { DroppedTensor, PlannedShard, Promised, UnreadGlobals } from "./types.js";

/** What a conversion does to weights and config. */
export interface WeightPlan {
  readonly source: ModelClass;
  readonly target: ModelClass;
  /** What config.json is to call it. */
  readonly className: string;
  readonly attention: LocalAttention;
  readonly sourceAttention: Attention;
  readonly length: Lengths;
  readonly promise: Promised;
  /** What the user should know of the source, a sentence each. */
  readonly findings: readonly string[];
  /** Attention heads of a layer of the encoder. */
  readonly heads: number;
  readonly configChanges: ReadonlyMap<string, unknown>;
  readonly shards: readonly PlannedShard[];
  readonly created: readonly string[];
  /** What was chosen for rows of the table of global tokens that the model does not read. */
  readonly unreadGlobals: UnreadGlobals;
  readonly dropped: readonly DroppedTensor[];
  /** Names in the source of what the result holds and its class does not have. */
  readonly carried: readonly string[];
}

/** What a conversion to one variant of attention has of its own. @typeParam C the variant's keys in config.json */
export interface VariantPlan<C> {
  /** Whether there are such conversions of a model type. */
  offers(source: Architecture): boolean;
  /** The architecture of the result. @throws OptionError for a source that has no such variant */
  target(source: Architecture): Promise<Architecture>;
  /** Whether it depends on what follows the transformer in a sentence-transformers folder. */
  readonly readsModules: boolean;
  /** @throws OptionError for options that would change nothing, being another variant's */
  refuseForeign(options: ConversionOptions): void;
  /** Pure: reads no file and moves no byte. @throws CheckpointError or OptionError for what would give a wrong result */
  plan(inputs: PlanInputs): WeightPlan;
  /** What the user should know, a sentence each. */
  notes(inputs: PlanInputs, weights: WeightPlan, config: C): (string | false)[];
  /** What a model card calls this attention, how that of long inputs ("attention is local"), and what a proof is about. */
  readonly card: { readonly attention: string; readonly ofLongInputs: string; readonly proven: string };
  /**
   * Where the source's own computation reads long inputs too, in parts: that, in a sentence. Where it is left out, tables
   * and attention of long inputs are others than the source was trained with.
   */
  inParts?(config: C): string;
  cardText(config: C): string;
}

/** Names of labels stay where they are as many as the result has. */
export function labelChanges(config: Config, labels: number): [string, undefined][] {
  if (labels === configLabels(config)) return [];
  return [
    ["id2label", undefined],
    ["label2id", undefined],
  ];
}

/** The keys of the source's own attention, which a result of another variant does not have. */
export function formerKeys({ kind, config }: Attention, variant: Variant): [string, undefined][] {
  return kind === variant ? [] : Object.keys(config).map((key) => [key, undefined]);
}

/** Tensors that stay although the class of the result does not have them. */
export function carriedTensors(model: Model, dropped: readonly DroppedTensor[]): string[] {
  const gone = new Set(dropped.map(({ name }) => name));
  return model
    .strangers()
    .map(({ tensor }) => tensor.sourceName)
    .filter((name) => !gone.has(name));
}

/** What of a source cannot be carried along, because the result has another tensor of that name, or it is not a tensor. */
export function leftBehind({ ignored }: Checkpoint, { displaced, target }: Model): DroppedTensor[] {
  return [
    ...displaced.map((name) => ({
      name,
      reason: `a ${target.className} has its own base model's tensor by that name`,
    })),
    ...ignored.map((name) => ({ name, reason: "no tensor" })),
  ];
}
