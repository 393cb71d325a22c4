import type { Architecture } from "../architectures/architecture.js";
import {
  DECODER_DEFAULTS,
  keptGlobalRows,
  lsgConfigChanges,
  lsgKeys,
  lsgRow,
  parseLsgConfig,
  readsNewGlobals,
} from "../attention/lsg.js";
import { isSparse, type LsgConfig, presetConfig } from "../attention/lsg-config.js";
import type { KeptRows } from "../attention/variant-row.js";
import { keysOf } from "../attention/variants.js";
import { OptionError } from "../base/errors.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import { resultClass } from "../model/classes.js";
import { aliasedSizes, changedKeys, lengthChange, raisedLengths } from "../model/config.js";
import type { Model } from "../model/model.js";
import { statedPositions } from "../model/positions.js";
import { refuseExpanded } from "../model/strangers.js";
import { flagName } from "../options/flags.js";
import type { ConversionOptions } from "../options/options.js";
import { foreignOption } from "./foreign-options.js";
import { globalStart } from "./global-start.js";
import { place } from "./place.js";
import type { PlanInputs } from "./plan-inputs.js";
import { lengthening, ofPlacement, targetLength } from "./positions.js";
import { appraise } from "./promise.js";
import { reconcile } from "./reconcile.js";
import { planShards } from "./shards.js";
import {
  carriedTensors,
  formerKeys,
  labelChanges,
  leftBehind,
  type VariantPlan,
  type WeightPlan,
} from "./weights.js";

function planLsg({ model: asItself, options, tokens, contents }: PlanInputs): WeightPlan {
  const model = asItself.as({ className: options.architecture, kwargs: options.modelKwargs });
  refuseExpanded(model);
  const { checkpoint, architecture, config, isLsg, source, target, sizes } = model;
  const reconciled = reconcile(model, options);

  const positions = model.positions();
  const length = targetLength(options.maxSequenceLength, positions.maxLength);
  const lengths = lengthChange(architecture, positions.maxLength, length);
  // Positions beyond a cut are the source's alone.
  const shared = Math.min(positions.maxLength, length);
  const lsg = resolveLsgConfig(options, model, shared);
  const started = isLsg && options.resizeLsg ? undefined : globalStart(model, lsg, options, tokens);
  const globals = started && { options, start: started.start };
  const keptRows = keptGlobalRows(options.resizeLsg, options.keepFirstGlobalToken);
  const sourceAttention = model.attention();
  const sourceLsg = keysOf("lsg", sourceAttention);
  // The reference computes all rows that can be; what is to be lossless keeps the source's own.
  const keptPositions = options.preset === "reference" ? 0 : positions.maxLength;
  const longer = lengthening(options.positions, positions, length, { architecture, contents });
  const { placed, dropped } = place({
    model,
    reconciled,
    length,
    keptPositions,
    lengthening: longer,
    globals,
  });
  const rows = statedPositions(architecture, length, positions.offset);

  const className = resultClass("lsg", target.className, architecture);
  return {
    source,
    target,
    className,
    attention: { kind: "lsg", config: lsg },
    sourceAttention,
    length: lengths,
    heads: sizes.heads,
    ...appraise({
      model,
      target,
      options,
      isNewHead: reconciled.created.length > 0,
      attention: ofPlacement(longer, {
        upTo: lsgRow.losslessLength(lsg, shared, sourceLsg, keptRows),
        cause: causeOf(lsg, options, sourceLsg, keptRows),
      }),
      shared,
    }),
    configChanges: new Map([
      ...changedKeys(checkpoint.config, config),
      ...formerKeys(sourceAttention, "lsg"),
      ...lsgConfigChanges(architecture, className, lsg),
      ["max_position_embeddings", rows],
      ...raisedLengths(architecture, config, lengths),
      ...aliasedSizes(architecture, config, sizes),
      // The result has no windows, even where the source had.
      ["attention_window", undefined],
      ...labelChanges(config, sizes.labels),
      // Where the source once lay says nothing about the result.
      ["_name_or_path", undefined],
    ]),
    shards: planShards(checkpoint, placed),
    created: reconciled.created.map(({ name }) => name),
    unreadGlobals: started?.chosen ?? {},
    dropped: [...reconciled.dropped, ...dropped, ...leftBehind(checkpoint, model)],
    carried: carriedTensors(model, [...reconciled.dropped, ...dropped]),
  };
}

/**
 * The LSG keys of the result: what was asked for, else what an LSG source has or the preset sets, else the
 * reference's defaults.
 * @param maxLength tokens that the source can read
 * @throws OptionError or CheckpointError for values or combinations that don't work.
 */
function resolveLsgConfig(
  options: ConversionOptions,
  { architecture, config, isLsg }: Model,
  maxLength: number,
): LsgConfig {
  const inherited = isLsg ? lsgKeys(config) : presetConfig(options.preset, maxLength);
  refuseDecoderKeys(options, architecture);
  const asked = options.lsg.mask_first_token === true && !("first_token_is_global" in options.lsg);
  const lsg = parseLsgConfig(architecture, {
    ...inherited,
    // Two keys hide the first token; the reference's is set where it is asked for.
    ...(asked && { first_token_is_global: false }),
    ...options.lsg,
  });
  // Without pooling a hidden token would have no substitute.
  return lsg.mask_first_token ? { ...lsg, pool_with_global: true } : lsg;
}

function refuseDecoderKeys({ lsg }: ConversionOptions, { decoder, title }: Architecture): void {
  const key = Object.keys(DECODER_DEFAULTS).find((name) => Object.hasOwn(lsg, name));
  if (decoder || key === undefined) return;
  throw new OptionError(`--${key.replaceAll("_", "-")}: ${title} has no decoder`, "Leave it out.");
}

/** The option of a conversion to LSG by which its attention differs from the source's. */
function causeOf(
  lsg: LsgConfig,
  options: ConversionOptions,
  source: LsgConfig | undefined,
  keptRows: KeptRows,
): string {
  const asked = (key: keyof LsgConfig) => {
    const value = options.lsg[key as keyof typeof options.lsg];
    const flag = flagName(key);
    if (typeof value !== "boolean") return `${flag} ${value}`;
    return value ? flag : flag.replace("--", "--no-");
  };
  if (source && readsNewGlobals(lsg, keptRows)) {
    return "a table of global tokens made anew (--resize-lsg keeps the source's)";
  }
  const given = Object.keys(options.lsg) as (keyof LsgConfig)[];
  const deciding = given.filter((key) => (source ? lsg[key] !== source[key] : DECIDING[key]?.(lsg[key])));
  const isPreset = !source && options.preset === "reference" && !lsg.first_token_is_global;
  const causes = [
    ...(isPreset && !deciding.includes("first_token_is_global") ? ["--preset reference"] : []),
    ...(deciding.length > 0 ? deciding : given.filter((key) => key === "block_size")).map(asked),
  ];
  return causes.length > 0 ? causes.join(", ") : "its attention";
}

/** Values of LSG's keys that change the attention of inputs of every length. */
const DECIDING: Partial<Record<keyof LsgConfig, (value: unknown) => boolean>> = {
  first_token_is_global: (value) => value === false,
  mask_first_token: (value) => value === true,
  num_global_tokens: (value) => value !== 1,
  pool_with_global: (value) => value === false,
};

function lsgNotes({ model, options, modeling }: PlanInputs, { target, className }: WeightPlan) {
  const { isLsg } = model;
  return [
    target.head === undefined &&
      target.className !== COLBERT_CLASS &&
      `${target.className} is not a class that lsg knows: its base model is converted to ${className}.`,
    options.resizeLsg && !isLsg && "--resize-lsg has no effect: the source is not an LSG checkpoint.",
    options.keepFirstGlobalToken &&
      !isLsg &&
      "--keep-first-global-token has no effect: the source is not an LSG checkpoint.",
    isLsg &&
      !options.resizeLsg &&
      "The source is LSG already: its global tokens are made anew; --resize-lsg changes the length only.",
    model.isCausal &&
      options.lsg.global_scaling_length !== undefined &&
      "--global-scaling-length has no effect: the model is causal, and its global token sees itself alone.",
    modeling?.files.size === 0 && "No modelling code is included: transformers cannot open the result yet.",
  ];
}

function cardText(lsg: LsgConfig): string {
  const { block_size: block, num_global_tokens: globals, sparse_block_size: sparse } = lsg;
  const { global_scaling_length: scaledFrom } = lsg;
  const selected = isSparse(lsg) ? `, ${sparse} selected tokens on each side of these` : "";
  return (
    `Up to ${2 * block} tokens every token sees every other one. Beyond, it sees its own block ` +
    `and both neighbours${selected}, and the global tokens (${globals}).` +
    (scaledFrom === undefined
      ? ""
      : ` In rows of n tokens, more than ${scaledFrom}, scores of global tokens are multiplied by log n / log ${scaledFrom}.`)
  );
}

function refuseForeign(options: ConversionOptions): void {
  const foreign = foreignOption(options, "lsg");
  if (!foreign) return;
  throw new OptionError(
    `${foreign.said}, and this is a conversion to LSG`,
    `Use --to ${foreign.owner}, or leave it out.`,
  );
}

/** A conversion to LSG: the source's own class and names, a longer table of positions, and one of global tokens. */
export const lsgPlan: VariantPlan<LsgConfig> = {
  offers: ({ encoder }) => encoder.embeddings.global !== undefined,
  target: async (source) => source,
  readsModules: false,
  refuseForeign,
  plan: planLsg,
  notes: lsgNotes,
  card: {
    attention: "LSG attention (local, sparse, global)",
    ofLongInputs: "block-sparse",
    proven: "the attention",
  },
  cardText,
};
