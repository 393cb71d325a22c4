import type { Architecture } from "../architectures/architecture.js";
import { keptGlobalRows, lsgConfigChanges, lsgRow } from "../attention/lsg.js";
import { type Attention, attentionOf, keysOf, type LocalAttention } from "../attention/variants.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { lsgClass, type ModelClass } from "../model/classes.js";
import { aliasedSizes, changedKeys, lengthChange, raisedLengths } from "../model/config.js";
import { describeModel, type Model } from "../model/model.js";
import { positionTable, statedPositions } from "../model/positions.js";
import { refuseExpanded } from "../model/refuse-expanded.js";
import { strangersOf } from "../model/strangers.js";
import { configLabels } from "../model/tensor-specs.js";
import type { ConversionOptions } from "../options/options.js";
import type { Lengths } from "../tokenizer/raise-length.js";
import { globalStart } from "./global-start.js";
import { resolveLsgConfig } from "./lsg.js";
import { place, type TokenIds } from "./place.js";
import { targetLength } from "./positions.js";
import { appraise, lsgCause } from "./promise.js";
import { reconcile } from "./reconcile.js";
import { planShards } from "./shards.js";
import type { DroppedTensor, PlannedShard, Promised, UnreadGlobals } from "./types.js";

/** What a conversion does to weights and config. */
export interface WeightPlan {
  readonly source: ModelClass;
  readonly target: ModelClass;
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
  /** What was chosen for the table of global tokens, of which the model reads nothing. */
  readonly unreadGlobals: UnreadGlobals;
  readonly dropped: readonly DroppedTensor[];
  /** Names in the source of what the result holds and its class does not have. */
  readonly carried: readonly string[];
}

/**
 * Plans the conversion of weights and config to LSG. Pure: reads no file and moves no byte.
 * @throws CheckpointError or OptionError for whatever would not give a sound result.
 */
export function planWeights(
  checkpoint: Checkpoint,
  architecture: Architecture,
  options: ConversionOptions,
  tokens: TokenIds,
): WeightPlan {
  const model = describeModel(checkpoint, architecture, {
    className: options.architecture,
    kwargs: options.modelKwargs,
  });
  refuseExpanded(checkpoint, model);
  const { config, isLsg, source, target, sizes } = model;
  const mayCreate = options.architecture !== undefined;
  const reconciled = reconcile({ ...model, mayCreate, seed: options.seed });

  const positions = positionTable(model);
  const length = targetLength(options.maxSequenceLength, positions.usable);
  const lengths = lengthChange(architecture, positions.usable, length);
  // Of a table that is cut the rest is read by neither.
  const shared = Math.min(positions.usable, length);
  const lsg = resolveLsgConfig(options, model, shared);
  const started = isLsg && options.resizeLsg ? undefined : globalStart(model, lsg, options, tokens);
  const globals = started && { options, start: started.start };
  const keptRows = keptGlobalRows(options.resizeLsg, options.keepFirstGlobalToken);
  const sourceAttention = attentionOf(model);
  const sourceLsg = keysOf("lsg", sourceAttention);
  // The reference computes all rows that can be; what is to be lossless keeps the source's own.
  const keptPositions = options.preset === "reference" ? 0 : positions.usable;
  const { placed, dropped } = place({ model, reconciled, length, keptPositions, globals });
  const rows = statedPositions(architecture, length, positions.offset);

  return {
    source,
    target,
    attention: { kind: "lsg", config: lsg },
    sourceAttention,
    length: lengths,
    heads: sizes.heads,
    ...appraise({
      checkpoint,
      model,
      options,
      isNewHead: reconciled.created.length > 0,
      attention: {
        upTo: lsgRow.losslessLength(lsg, shared, sourceLsg, keptRows),
        cause: lsgCause(lsg, options, sourceLsg, keptRows),
      },
      usable: shared,
    }),
    configChanges: new Map([
      ...changedKeys(checkpoint.config, config),
      ...lsgConfigChanges(architecture, lsgClass(target.className, architecture), lsg),
      ["max_position_embeddings", rows],
      ...raisedLengths(architecture, config, lengths),
      ...aliasedSizes(architecture, config, sizes),
      // The result's attention is none of windows, whatever the source's was.
      ["attention_window", undefined],
      ...(sizes.labels === configLabels(config)
        ? []
        : ([
            ["id2label", undefined],
            ["label2id", undefined],
          ] as const)),
      // Where the source once lay says nothing about the result.
      ["_name_or_path", undefined],
    ]),
    shards: planShards(checkpoint, placed),
    created: reconciled.created.map(({ name }) => name),
    unreadGlobals: started?.chosen ?? {},
    dropped: [
      ...reconciled.dropped,
      ...dropped,
      ...displacedTensors(model),
      ...checkpoint.ignored.map((name) => ({ name, reason: "no tensor" })),
    ],
    carried: carriedTensors(model, [...reconciled.dropped, ...dropped]),
  };
}

/** Tensors that cannot be carried along, because the result has another of that name. */
export function displacedTensors({ displaced, target }: Model): DroppedTensor[] {
  return displaced.map((name) => ({
    name,
    reason: `a ${target.className} has its own base model's tensor by that name`,
  }));
}

/** Tensors that stay although the class of the result does not have them. */
function carriedTensors(model: Model, dropped: readonly DroppedTensor[]): string[] {
  const gone = new Set(dropped.map(({ name }) => name));
  return strangersOf(model)
    .map(({ tensor }) => tensor.sourceName)
    .filter((name) => !gone.has(name));
}
