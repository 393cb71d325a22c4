import type { Architecture } from "../architectures/architecture.js";
import type { LongformerConfig } from "../attention/longformer.js";
import { isSparse, LSG_CLASS_PREFIX } from "../attention/lsg-config.js";
import { type Checkpoint, CONFIG_FILE, type Config } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { COLBERT_CLASS, modelKind, SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import { configClass, isLsgConfig, lsgClass, withoutLsg } from "../model/classes.js";
import { type ConversionOptions, recordedOptions } from "../options/options.js";
import { onlyInTransformers5 } from "../tokenizer/special-tokens.js";
import { RECORD_FILE, recordText } from "./conversion-record.js";
import { openingChanges } from "./left-in-config.js";
import { planLongformer } from "./longformer.js";
import { modelCard } from "./model-card.js";
import { sentenceNotes } from "./notes.js";
import type { TokenIds } from "./place.js";
import { INDEX_FILE, shardIndex } from "./shards.js";
import { planSideFiles } from "./side-files.js";
import type { ConversionPlan, ConversionRecord, Provenance, SideFile } from "./types.js";
import { growVocabulary } from "./vocabulary.js";
import { planWeights, type WeightPlan } from "./weights.js";

export interface PlanInputs {
  readonly checkpoint: Checkpoint;
  readonly architecture: Architecture;
  readonly options: ConversionOptions;
  readonly tokens: TokenIds;
  /** Contents of the side files for which `isReadForPlan` holds. */
  readonly contents: ReadonlyMap<string, Buffer>;
  /** Python files that come with lsg for this model type. */
  readonly modeling: readonly string[];
  /** The architecture of the Longformer variant, to write that one; undefined for LSG. */
  readonly longformer: Architecture | undefined;
  /** What the record says of lsg and of the source: a Hub id with its revision, or a relative path. */
  readonly provenance: Provenance;
}

/**
 * Decides everything that a conversion does. Pure: the same inputs give the same plan, and nothing is
 * written or read.
 * @throws CheckpointError or OptionError for whatever would not give a sound result.
 */
export function planConversion(inputs: PlanInputs): ConversionPlan {
  const { checkpoint, architecture, options, tokens, contents, modeling } = inputs;
  const converted = inputs.longformer
    ? planLongformer(checkpoint, inputs.longformer, architecture, options, tokens.separator)
    : planWeights(checkpoint, architecture, options, tokens);
  const weights = growVocabulary(converted, {
    architecture: inputs.longformer ?? architecture,
    config: checkpoint.config,
    tokens: tokens.asked?.ids ?? {},
    seed: options.seed,
  });
  const opening = inputs.longformer
    ? undefined
    : openingChanges(
        architecture,
        { ...checkpoint.config, ...options.modelKwargs },
        contents,
        options.modelKwargs,
      );
  const { files, rewritten, mended } = checkpoint.source;
  const length = { ...weights.length, writesNoMore: inputs.longformer?.decoder !== undefined };
  const { sideFiles, omitted } = planSideFiles({
    files,
    contents,
    rewritten,
    mended,
    length,
    modeling,
    tokens: tokens.asked?.ids ?? {},
  });
  const record = conversionRecord(inputs, weights);
  const card = modelCard({
    record,
    attention: weights.attention,
    auto: weights.target.head?.auto ?? "Model",
    beyond: beyond(architecture),
    created: weights.created,
    kind: modelKind(checkpoint.config, {
      modules: contents.get(MODULES_FILE),
      settings: contents.get(SETTINGS_FILE),
    }),
    originalCard: contents.get("README.md")?.toString("utf8"),
  });
  const written: SideFile[] = [
    { kind: "write", path: "README.md", content: card.text },
    { kind: "write", path: RECORD_FILE, content: recordText(record) },
  ];
  if (weights.shards.length > 1) {
    written.push({ kind: "write", path: INDEX_FILE, content: shardIndex(weights.shards) });
  }
  const settled = checkpoint.settlement?.changes ?? new Map<string, unknown>();
  const changes = [...new Map([...settled, ...weights.configChanges, ...(opening?.changes ?? [])])];
  return {
    record,
    attention: weights.attention,
    config: {
      set: Object.fromEntries(changes.filter(([, value]) => value !== undefined)),
      remove: changes
        .filter(([key, value]) => value === undefined && (key in checkpoint.config || settled.has(key)))
        .map(([key]) => key),
    },
    shards: weights.shards,
    dropped: weights.dropped,
    sideFiles: [...sideFiles, ...written],
    omitted,
    notes: [
      ...notes(inputs, weights),
      ...(checkpoint.settlement?.notes ?? []),
      ...(opening?.notes ?? []),
      ...onlyInTransformers5(contents),
      ...mendingNotes(checkpoint.source, sideFiles),
      ...sentenceNotes(checkpoint.source.transformerFolder, sideFiles, contents),
      ...card.notes,
    ],
  };
}

/** What was put right in the JSON files that the result has. */
function mendingNotes({ mended }: FileSource, sideFiles: readonly SideFile[]): string[] {
  const written = new Set([CONFIG_FILE, ...sideFiles.map(({ path }) => path)]);
  return [...(mended ?? [])].flatMap(([path, { notes }]) => (written.has(path) ? notes : []));
}

function conversionRecord(
  { checkpoint, architecture, options, tokens, provenance: { lsg_version, source }, longformer }: PlanInputs,
  weights: WeightPlan,
): ConversionRecord {
  const modelTypeFrom = checkpoint.settlement?.modelTypeFrom;
  const isColbert = weights.configChanges.get("architectures")?.toString() === COLBERT_CLASS;
  const className = isColbert ? COLBERT_CLASS : weights.target.className;
  return {
    format_version: 1,
    ...(lsg_version !== undefined && { lsg_version }),
    source,
    model_type: (longformer ?? architecture).modelType,
    ...(modelTypeFrom && { model_type_from: modelTypeFrom }),
    architecture: longformer || isColbert ? className : LSG_CLASS_PREFIX + className,
    variant: longformer ? "longformer" : "lsg",
    max_sequence_length: weights.length,
    ...(tokens.asked && { added_tokens: tokens.asked.ids }),
    options: recordedOptions(options),
    promise: { lossless_up_to: weights.losslessUpTo },
  };
}

/** What becomes of positions that the source had none for. */
function beyond({ positions }: Architecture): string {
  return positions.sinusoidal ? "positions go on" : "positions repeat";
}

/** What a user would want to be told and the plan's data does not say by itself. */
function notes(inputs: PlanInputs, weights: WeightPlan): string[] {
  const { checkpoint, architecture, options } = inputs;
  const { source, target, created, attention, losslessUpTo, length } = weights;
  const isLocal = attention.kind === "longformer" || !isSparse(attention.config);
  const all: (string | false)[] = [
    namedOtherwise(checkpoint.config, source.className) &&
      `config.json names ${configClass(checkpoint.config)}; by its model_type, ${architecture.modelType}, transformers opens ${source.className}, and so does lsg.`,
    created.length > 0 &&
      `${target.className} has a new head, as from transformers (seed ${options.seed}); it must be trained: ${created.join(", ")}.`,
    inputs.tokens.asked !== undefined && tokenNote(inputs.tokens.asked),
    losslessUpTo > 1
      ? `Lossless: inputs of up to ${losslessUpTo} tokens give what ${source.className} gave.`
      : `Not lossless: outputs differ from the original's ${losslessUpTo === 1 ? "from two tokens on" : "at every length"}; the model should be fine-tuned.`,
    length.to > length.from &&
      isLocal &&
      losslessUpTo > 1 &&
      `Beyond ${losslessUpTo} tokens ${beyond(architecture)} and attention is local; fine-tune on long inputs for best results.`,
    ...(attention.kind === "lsg"
      ? lsgNotes(inputs, weights)
      : longformerNotes(inputs, weights, attention.config)),
  ];
  return all.filter((note): note is string => note !== false);
}

/** Which tokens were added, and which were there. */
function tokenNote({ ids, added }: NonNullable<TokenIds["asked"]>): string {
  const listed = (isNew: boolean) =>
    Object.entries(ids)
      .filter(([token]) => added.includes(token) === isNew)
      .map(([token, id]) => `${token} (${id})`)
      .join(", ");
  const news = added.length > 0 ? `Added ${listed(true)}: they must be trained. ` : "";
  const kept = listed(false);
  return `${news}${kept && `In the vocabulary already: ${kept}.`}`.trim();
}

/** Whether a config names a relative's class. */
function namedOtherwise(config: Config, className: string): boolean {
  const named = configClass(config);
  return named !== undefined && withoutLsg(named) !== className;
}

function lsgNotes({ checkpoint, architecture, options, modeling }: PlanInputs, { target }: WeightPlan) {
  const isLsg = isLsgConfig(checkpoint.config);
  return [
    target.head === undefined &&
      target.className !== COLBERT_CLASS &&
      `${target.className} is not a class that lsg knows: its base model is converted to ` +
        `${lsgClass(target.className, architecture)}, every other tensor is carried along.`,
    options.resizeLsg && !isLsg && "--resize-lsg has no effect: the source is not an LSG checkpoint.",
    options.keepFirstGlobalToken &&
      !isLsg &&
      "--keep-first-global-token has no effect: the source is not an LSG checkpoint.",
    isLsg &&
      !options.resizeLsg &&
      "The source is LSG already: its global tokens are made anew; --resize-lsg changes the length only.",
    modeling.length === 0 && "No modelling code is included: transformers cannot open the result yet.",
  ];
}

function longformerNotes(
  { architecture, longformer }: PlanInputs,
  { source, target }: WeightPlan,
  config: LongformerConfig,
) {
  const countsPadding = architecture.positions.offset === 0 && longformer?.positions.offset !== 0;
  return [
    source.head === undefined &&
      source.className !== COLBERT_CLASS &&
      `${source.className} is not a class that lsg knows: its base model is converted to ${target.className}, ` +
        "every other tensor is carried along.",
    countsPadding &&
      `${longformer?.title} numbers positions from the first token that is no padding: with padding on the left, ` +
        `which ${architecture.title} numbers too, outputs differ.`,
    config.attention_dilation !== undefined &&
      "transformers ignores attention_dilation: opened there, the windows have no gaps and outputs are others. The graphs keep them.",
  ];
}
