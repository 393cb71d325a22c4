import { taskOf } from "../architectures/tasks.js";
import { affordedTokens, SCORES_FOR_ALL } from "../attention/score-memory.js";
import { isLocal, titleOf } from "../attention/variants.js";
import { OptionError } from "../base/errors.js";
import { deepFreeze } from "../base/freeze.js";
import { CONFIG_FILE, type Config } from "../checkpoint/checkpoint.js";
import { recordedOptions } from "../options/options.js";
import { onlyInTransformers5, openingClass } from "../tokenizer/class-name.js";
import { beyond, conversionNotes, openingNotes } from "./conversion-notes.js";
import { RECORD_FILE, recordText } from "./conversion-record.js";
import { modelCard } from "./model-card.js";
import type { PlanInputs } from "./plan-inputs.js";
import { measuredSentence } from "./positions.js";
import { INDEX_FILE, shardIndex, withOrigin } from "./shards.js";
import { formerCuts, mendingNotes, sentenceNotes } from "./side-file-notes.js";
import { planSideFiles } from "./side-files.js";
import type { ConversionPlan, ConversionRecord, SideFile } from "./types.js";
import { PLANS } from "./variants.js";
import { growVocabulary } from "./vocabulary.js";
import type { WeightPlan } from "./weights.js";

/**
 * Decides everything that a conversion does. Pure: the same inputs give the same plan, and nothing is
 * written or read.
 * @throws CheckpointError or OptionError for whatever would not give a sound result.
 */
export function planConversion(inputs: PlanInputs): ConversionPlan {
  const { model, options, tokens, contents, kind, modeling, variant, result } = inputs;
  const { checkpoint, architecture } = model;
  const weights = growVocabulary(PLANS[variant].plan(inputs), {
    architecture: result,
    config: checkpoint.config,
    tokens: tokens.asked?.ids ?? {},
    seed: options.seed,
  });
  const { files, rewritten, mended } = checkpoint.source;
  const opening =
    modeling &&
    openingChanges(
      { ...checkpoint.config, ...options.modelKwargs },
      openingClass(contents, files, architecture.tokenizerClass),
      { title: titleOf(weights.attention), kwargs: options.modelKwargs },
    );
  const {
    sideFiles,
    omitted,
    notes: leftOut,
  } = planSideFiles({
    files,
    contents,
    rewritten,
    mended,
    length: weights.length,
    modeling: [...(modeling?.files.keys() ?? [])],
    tokens: tokens.asked?.ids ?? {},
  });
  const record = conversionRecord(inputs, weights);
  const card = modelCard({
    record,
    attention: weights.attention,
    auto: weights.target.head?.auto ?? "Model",
    beyond: beyond(architecture, options.positions),
    positions: measuredSentence(options.positions),
    isAffordable: isAffordable(weights),
    created: weights.created,
    carried: weights.carried,
    cuts: formerCuts(sideFiles, weights.length.from),
    kind,
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
  return deepFreeze({
    record,
    length: weights.length,
    generates: weights.target.head !== undefined && taskOf(weights.target.head).generates === true,
    attention: weights.attention,
    config: {
      kind: "config",
      path: CONFIG_FILE,
      set: Object.fromEntries(changes.filter(([, value]) => value !== undefined)),
      remove: changes
        .filter(([key, value]) => value === undefined && (key in checkpoint.config || settled.has(key)))
        .map(([key]) => key),
    },
    shards: weights.shards.map((shard) => withOrigin(shard, checkpoint)),
    dropped: weights.dropped,
    carried: weights.carried,
    sideFiles: [...sideFiles, ...written],
    omitted,
    notes: [
      ...checkpoint.remarks,
      ...conversionNotes(inputs, weights),
      ...formerCuts(sideFiles, weights.length.from),
      ...(checkpoint.settlement?.notes ?? []),
      ...(opening?.notes ?? []),
      ...onlyInTransformers5(contents),
      ...mendingNotes(checkpoint.source, sideFiles),
      ...sentenceNotes(checkpoint.source.transformerFolder, sideFiles, contents),
      ...card.notes,
      ...leftOut,
      ...openingNotes(modeling, weights, kind),
    ],
  });
}

function conversionRecord(
  { model, options, tokens, provenance: { lsg_version, source }, result }: PlanInputs,
  weights: WeightPlan,
): ConversionRecord {
  const { from, to } = weights.length;
  const modelTypeFrom = model.checkpoint.settlement?.modelTypeFrom;
  return {
    format_version: 2,
    ...(lsg_version !== undefined && { lsg_version }),
    source,
    model_type: result.modelType,
    ...(modelTypeFrom && { model_type_from: modelTypeFrom }),
    architecture: weights.className,
    variant: weights.attention.kind,
    max_sequence_length: { from, to },
    ...(tokens.asked && { added_tokens: tokens.asked.ids }),
    ...(Object.keys(weights.unreadGlobals).length > 0 && { unread_global_table: weights.unreadGlobals }),
    options: recordedOptions(options),
    ...(isLocal(weights.sourceAttention) && { source_attention: { ...weights.sourceAttention.config } }),
    promise: weights.promise,
  };
}

/** Whether every machine's verification looks at the longest inputs, whatever memory it has. */
function isAffordable({ attention, sourceAttention, heads, length: { from, to } }: WeightPlan): boolean {
  const bytes = SCORES_FOR_ALL;
  const common = Math.min(from, to);
  return (
    affordedTokens(attention, { heads, maxLength: to, bytes }) === to &&
    affordedTokens(sourceAttention, { heads, maxLength: common, bytes }) === common
  );
}

/** Keys of config.json that change so that a model with code of its own runs and opens in every version of transformers. */
interface OpeningChanges {
  readonly changes: ReadonlyMap<string, unknown>;
  readonly notes: readonly string[];
}

/** Asks every forward pass for the weights of attention. Our classes have no matrix of them for long inputs, and refuse. */
const ATTENTIONS = "output_attentions";

/**
 * What training left in a config and stands in the way of such a model, and what it lacks: `pipeline` of transformers 4
 * loads no tokenizer for a config class of remote code without a `tokenizer_class`.
 * @param tokenizer the class that opens the folder's tokenizer
 * @param title of the result's variant
 * @param kwargs config keys that the user sets
 * @throws OptionError for one that the result cannot have
 */
function openingChanges(
  config: Config,
  tokenizer: string | undefined,
  { title, kwargs }: { readonly title: string; readonly kwargs: Config },
): OpeningChanges {
  if (kwargs[ATTENTIONS]) {
    throw new OptionError(
      `--model-kwargs: ${ATTENTIONS} is ${JSON.stringify(kwargs[ATTENTIONS])}, and ${title} attention has no matrix of weights to give`,
      "Leave it out.",
    );
  }
  // Python asks whether it is true, not whether it is True.
  const asks = Boolean(config[ATTENTIONS]);
  const lacksClass = config.tokenizer_class == null && tokenizer !== undefined;
  return {
    changes: new Map<string, unknown>([
      ...(asks ? [[ATTENTIONS, undefined] as const] : []),
      ...(lacksClass ? [["tokenizer_class", tokenizer] as const] : []),
    ]),
    notes: asks
      ? [`config.json asks for ${ATTENTIONS}, which ${title} attention does not have: the key is left out.`]
      : [],
  };
}
