import { type Architecture, writesNoMore } from "../architectures/architecture.js";
import type { ModelingCode } from "../architectures/modeling.js";
import type { LongformerConfig } from "../attention/longformer.js";
import { isSparse, LSG_CLASS_PREFIX } from "../attention/lsg-config.js";
import { seenInFull } from "../attention/planned.js";
import { affordedTokens, SCORES_FOR_ALL, scoreBytes } from "../attention/score-memory.js";
import { type Checkpoint, CONFIG_FILE, type Config } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { COLBERT_CLASS, modelKind, SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import { configClass, isLsgConfig, lsgClass, openedClass, withoutLsg } from "../model/classes.js";
import { groupNames } from "../model/strangers.js";
import { type ConversionOptions, recordedOptions } from "../options/options.js";
import { DEFAULT_MAX_SEQUENCE_LENGTH } from "../options/schemas.js";
import { onlyInTransformers5, openingClass } from "../tokenizer/class-name.js";
import { RECORD_FILE, recordText } from "./conversion-record.js";
import { openingChanges } from "./left-in-config.js";
import { planLongformer } from "./longformer.js";
import { cutSentence, modelCard } from "./model-card.js";
import { formerCuts, openingNotes, sentenceNotes } from "./notes.js";
import type { TokenIds } from "./place.js";
import { promiseSentence } from "./promise.js";
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
  /** Contents of the side files that decide something (see `readCheckpoint`). */
  readonly contents: ReadonlyMap<string, Buffer>;
  /** What the version of lsg that the record names puts beside the weights; undefined for Longformer. */
  readonly modeling: ModelingCode | undefined;
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
  const { files, rewritten, mended } = checkpoint.source;
  const opening = inputs.longformer
    ? undefined
    : openingChanges(
        { ...checkpoint.config, ...options.modelKwargs },
        openingClass(contents, files, architecture.tokenizerClass),
        options.modelKwargs,
      );
  const length = { ...weights.length, writesNoMore: writesNoMore(inputs.longformer ?? architecture) };
  const {
    sideFiles,
    omitted,
    notes: leftOut,
  } = planSideFiles({
    files,
    contents,
    rewritten,
    mended,
    length,
    modeling: [...(modeling?.files.keys() ?? [])],
    tokens: tokens.asked?.ids ?? {},
  });
  const record = conversionRecord(inputs, weights);
  const card = modelCard({
    record,
    attention: weights.attention,
    auto: weights.target.head?.auto ?? "Model",
    beyond: beyond(architecture),
    isAffordable: isAffordable(weights),
    created: weights.created,
    carried: weights.carried,
    cuts: formerCuts(sideFiles, weights.length.from),
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
  const changes = [
    ...new Map([
      ...settled,
      ...weights.configChanges,
      ...Object.entries(modeling?.refusal ?? {}),
      ...(opening?.changes ?? []),
    ]),
  ];
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
    carried: weights.carried,
    sideFiles: [...sideFiles, ...written],
    omitted,
    notes: [
      ...checkpoint.remarks,
      ...notes(inputs, weights),
      ...formerCuts(sideFiles, weights.length.from),
      ...(checkpoint.settlement?.notes ?? []),
      ...(opening?.notes ?? []),
      ...onlyInTransformers5(contents),
      ...mendingNotes(checkpoint.source, sideFiles),
      ...sentenceNotes(checkpoint.source.transformerFolder, sideFiles, contents),
      ...card.notes,
      ...leftOut,
      ...openingNotes(modeling),
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
  // A class that lsg does not know has no counterpart: the result is its base model's.
  const className = isColbert
    ? COLBERT_CLASS
    : openedClass(weights.target.className, longformer ?? architecture);
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
    ...(Object.keys(weights.unreadGlobals).length > 0 && { unread_global_table: weights.unreadGlobals }),
    options: recordedOptions(options),
    ...(weights.sourceAttention && { source_attention: { ...weights.sourceAttention.config } }),
    promise: weights.promise,
  };
}

/** Whether every machine's verification looks at the longest inputs, whatever memory it has. */
function isAffordable({ attention, sourceAttention, heads, length: { from, to } }: WeightPlan): boolean {
  const bytes = SCORES_FOR_ALL;
  const common = Math.min(from, to);
  return (
    affordedTokens(attention, { heads, longest: to, bytes }) === to &&
    affordedTokens(sourceAttention, { heads, longest: common, bytes }) === common
  );
}

/** What becomes of positions that the source had none for. */
function beyond({ positions }: Architecture): string {
  return positions.sinusoidal ? "positions go on" : "positions repeat";
}

/** What a user would want to be told and the plan's data does not say by itself. */
function notes(inputs: PlanInputs, weights: WeightPlan): string[] {
  const { checkpoint, architecture, options } = inputs;
  const { source, target, created, carried, attention, length, promise, findings } = weights;
  const { headless } = source;
  const isBase = target.head?.auto === "Model";
  const all: (string | false)[] = [
    headless !== undefined &&
      `config.json names ${headless}, of whose head the weights have nothing: the base model is converted ` +
        `(${source.className}), which is what AutoModel and sentence-transformers open.`,
    headless === undefined &&
      source.head !== undefined &&
      namedOtherwise(checkpoint.config, source.className) &&
      `config.json names ${configClass(checkpoint.config)}; by its model_type, ${architecture.modelType}, transformers opens ${source.className}, and so does lsg.`,
    created.length > 0 &&
      `${target.className} has a new head, as from transformers (seed ${options.seed}); it must be trained: ${created.join(", ")}.`,
    carried.length > 0 &&
      `Carried along, though ${openedClass(target.className, inputs.longformer ?? architecture)} does not have them: ${groupNames(carried)}.`,
    inputs.tokens.asked !== undefined && tokenNote(inputs.tokens.asked),
    promiseSentence(
      promise,
      isBase && target.className !== source.className ? `${source.className}'s base model` : source.className,
    ),
    ...findings,
    length.to < length.from && cutNote(inputs, weights),
    costNote(weights),
    promise.hidden_states_up_to > 1 && beyondNote(inputs, weights),
    ...(attention.kind === "lsg"
      ? lsgNotes(inputs, weights)
      : longformerNotes(inputs, weights, attention.config)),
  ];
  return all.filter((note): note is string => note !== false);
}

/** What is lost where the table of positions is cut. */
function cutNote({ architecture }: PlanInputs, { source, length: { from, to }, target }: WeightPlan): string {
  const writes = architecture.decoder && target.head?.auto === "Seq2SeqLM";
  return (
    `${cutSentence({ from, to })} ${source.className} read them.` +
    (writes ? ` The decoder writes no more than ${to} tokens either.` : "")
  );
}

/** What blocks or windows cost that are as wide as a long table; undefined where the table is short. */
function costNote({ attention, heads, length: { from } }: WeightPlan): string | false {
  const full = seenInFull(attention);
  if (Math.min(from, full) <= DEFAULT_MAX_SEQUENCE_LENGTH) return false;
  const what =
    attention.kind === "lsg"
      ? `Blocks of ${attention.config.block_size}`
      : `Windows of ${Math.min(...attention.config.attention_window)}`;
  const gigabytes = (scoreBytes(heads, full) / 1e9).toFixed(1);
  return (
    `${what} tokens: up to ${full} tokens every token sees every other one; the scores of such an input take ` +
    `${gigabytes} GB in float32 in each layer, and time grows likewise. ` +
    `--max-sequence-length ${DEFAULT_MAX_SEQUENCE_LENGTH} cuts the table, and with it the cost.`
  );
}

/** What longer inputs meet: positions that the source had none for, and attention that does not see everything. */
function beyondNote({ architecture }: PlanInputs, { attention, length }: WeightPlan): string | false {
  if (length.to <= length.from) return false;
  const positions = `Beyond ${length.from} tokens ${beyond(architecture)}`;
  const best = "fine-tune on long inputs for best results.";
  if (attention.kind === "lsg" && isSparse(attention.config)) return `${positions}; ${best}`;
  const seen = seenInFull(attention);
  return seen >= length.from
    ? `${positions} and attention is local; ${best}`
    : `Beyond ${seen} tokens attention is local. ${positions}; ${best}`;
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
        `${lsgClass(target.className, architecture)}.`,
    options.resizeLsg && !isLsg && "--resize-lsg has no effect: the source is not an LSG checkpoint.",
    options.keepFirstGlobalToken &&
      !isLsg &&
      "--keep-first-global-token has no effect: the source is not an LSG checkpoint.",
    isLsg &&
      !options.resizeLsg &&
      "The source is LSG already: its global tokens are made anew; --resize-lsg changes the length only.",
    modeling?.files.size === 0 && "No modelling code is included: transformers cannot open the result yet.",
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
      `${source.className} is not a class that lsg knows: its base model is converted to ${target.className}.`,
    countsPadding &&
      `${longformer?.title} numbers positions from the first token that is no padding: with padding on the left, ` +
        `which ${architecture.title} numbers too, outputs differ.`,
    config.attention_dilation !== undefined &&
      "transformers ignores attention_dilation: opened there, the windows have no gaps and outputs are others. The graphs keep them.",
  ];
}
