import type { Architecture } from "../architectures/architecture.js";
import { losslessLength, lsgConfigChanges, readLsgConfig } from "../attention/lsg.js";
import type { PlannedAttention } from "../attention/planned.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { lsgClass, type ModelClass } from "../model/classes.js";
import { aliasedSizes, changedKeys, raisedLengths } from "../model/config.js";
import { describeModel } from "../model/model.js";
import { positionTable } from "../model/positions.js";
import { configLabels } from "../model/tensor-specs.js";
import type { ConversionOptions } from "../options/options.js";
import { resolveLsgConfig } from "./lsg.js";
import { place, type TokenIds } from "./place.js";
import { targetLength } from "./positions.js";
import { reconcile } from "./reconcile.js";
import { planShards } from "./shards.js";
import type { DroppedTensor, PlannedShard } from "./types.js";

/** What a conversion does to weights and config. */
export interface WeightPlan {
  readonly source: ModelClass;
  readonly target: ModelClass;
  readonly attention: PlannedAttention;
  readonly length: { readonly from: number; readonly to: number };
  readonly losslessUpTo: number;
  readonly configChanges: ReadonlyMap<string, unknown>;
  readonly shards: readonly PlannedShard[];
  readonly created: readonly string[];
  readonly dropped: readonly DroppedTensor[];
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
  const { config, isLsg, source, target, sizes } = model;
  const mayCreate = options.architecture !== undefined;
  const reconciled = reconcile({ ...model, mayCreate, seed: options.seed });

  const positions = positionTable(model);
  const length = targetLength(options.maxSequenceLength, positions.usable);
  const lsg = resolveLsgConfig(options, model, positions.usable);
  const sourceLsg = isLsg ? readLsgConfig(config, architecture) : undefined;
  const globals = isLsg && options.resizeLsg ? undefined : { options, tokens };
  // The reference computes all rows that can be; what is to be lossless keeps the source's own.
  const keptPositions = options.preset === "reference" ? 0 : positions.usable;
  const { placed, dropped } = place({ model, reconciled, length, keptPositions, globals });
  const rows = length + (architecture.positions.configCountsOffset ? positions.offset : 0);

  return {
    source,
    target,
    attention: { kind: "lsg", config: lsg },
    length: { from: positions.usable, to: length },
    losslessUpTo: losslessLength(lsg, positions.usable, globals ? undefined : sourceLsg),
    configChanges: new Map([
      ...changedKeys(checkpoint.config, config),
      ...lsgConfigChanges(architecture, lsgClass(target.className, architecture), lsg),
      ["max_position_embeddings", rows],
      ...raisedLengths(architecture, config, { from: positions.usable, to: length }),
      ...aliasedSizes(architecture, config, sizes),
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
    dropped: [
      ...reconciled.dropped,
      ...dropped,
      ...checkpoint.ignored.map((name) => ({ name, reason: "no tensor" })),
    ],
  };
}
