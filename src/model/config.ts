import { isDeepStrictEqual } from "node:util";
import { type Architecture, type ConfigKey, writesNoMore } from "../architectures/architecture.js";
import { OptionError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { CONFIG_LENGTH_KEYS, isGenerationLimit, type Lengths } from "../tokenizer/raise-length.js";
import { labelNames } from "./label-count.js";
import { configLabels, type Sizes } from "./tensor-specs.js";

/** Keys that a conversion decides by itself. */
const DECIDED_KEYS = [
  "model_type",
  "architectures",
  "auto_map",
  "base_model_prefix",
  "_attn_implementation",
  "pruned_heads",
  "quantization_config",
  "max_position_embeddings",
];

/**
 * The source's config with the keys that the user wants on top, as transformers merges them: a new number
 * of labels brings new label names.
 * @throws OptionError for keys that have an option of their own.
 */
export function mergeKwargs(config: Config, kwargs: Readonly<Record<string, unknown>>): Config {
  const decided = Object.keys(kwargs).find((key) => DECIDED_KEYS.includes(key));
  if (decided !== undefined) {
    throw new OptionError(
      `--model-kwargs: "${decided}" cannot be set`,
      decided === "max_position_embeddings"
        ? "Use --max-sequence-length, which counts tokens."
        : "It follows from the source and from --architecture.",
    );
  }
  const { num_labels, ...other } = kwargs;
  const merged = { ...config, ...other };
  if (num_labels === undefined) return merged;
  if (typeof num_labels !== "number" || !Number.isSafeInteger(num_labels) || num_labels < 1) {
    throw new OptionError(
      `--model-kwargs: num_labels is ${JSON.stringify(num_labels)}, expected a positive integer`,
    );
  }
  return configLabels(merged) === num_labels ? merged : { ...merged, ...labelNames(num_labels) };
}

/**
 * What the change of a length means for the files that limit it.
 * @param architecture the result's
 * @param keepsTables whether its tables of positions stay: what it writes is then as long as before
 */
export function lengthChange(
  architecture: Architecture,
  from: number,
  to: number,
  keepsTables = false,
): Lengths {
  if (keepsTables) return { from, to, writesNoMore: true, tableStays: true };
  return { from, to, writesNoMore: writesNoMore(architecture) };
}

/**
 * Where a config states a length outside of `max_position_embeddings`, the new one. Configs of encoder-decoders
 * also hold settings of generate(): as many tokens as the source had positions for were as many as it could.
 * @param architecture the result's
 */
export function raisedLengths(
  architecture: Architecture,
  config: Config,
  lengths: Lengths,
): [string, number][] {
  const keys = CONFIG_LENGTH_KEYS.filter((key) => typeof config[key] === "number" && !isTable(key, lengths));
  const writesMore = architecture.decoder !== undefined && !lengths.writesNoMore;
  const generates = writesMore && isGenerationLimit(config.max_length, lengths);
  return [...keys, ...(generates ? ["max_length"] : [])].map((key) => [key, lengths.to]);
}

/** Whether a key says how many positions a table has that stays. */
function isTable(key: string, { tableStays }: Lengths): boolean {
  return tableStays === true && key === "n_positions";
}

/** Sizes under the names by which servers ask for them, where the model type has others. */
export function aliasedSizes(architecture: Architecture, config: Config, sizes: Sizes): [string, number][] {
  return Object.entries(architecture.configAliases ?? {})
    .filter(([key]) => config[key] === undefined)
    .map(([key, name]) => [key, sizes[name]]);
}

/** The activation of a model's layers, as transformers names it. */
export function activationOf({ config: { activation } }: Architecture, config: Config): unknown {
  return config[activation[0]] ?? activation[1];
}

/** Keys that `merged` adds or changes. */
export function changedKeys(config: Config, merged: Config): [string, unknown][] {
  return Object.entries(merged).filter(([key, value]) => config[key] !== value);
}

/** Keys that more than one model type reads, and what transformers takes where they are absent. */
const COMMON: Readonly<Record<string, unknown>> = {
  add_cross_attention: false,
  attention_dilation: undefined,
  attention_window: undefined,
  is_decoder: false,
  position_embedding_type: "absolute",
  tie_word_embeddings: true,
};

/** What generate() makes of the scores, where no generation_config.json says it. */
const GENERATION = ["forced_bos_token_id", "forced_eos_token_id"];

/**
 * The config keys on which the outputs of a model type's classes depend, with what transformers takes where a key is
 * absent: sizes, activations, ids that the forward pass looks for. Not labels' names, dropout or anything of training.
 */
export function forwardKeys(architecture: Architecture): ReadonlyMap<string, unknown> {
  const { config, decoder, encoder, heads, positions } = architecture;
  const { initializerRange: _, ...read } = config;
  const { types, scaledWhere } = encoder.embeddings;
  const { sharing } = encoder.layers;
  const tasks = types.kind === "input and task" ? types.task : undefined;
  const keys: (ConfigKey | undefined)[] = [
    ...Object.values(read),
    ...(decoder ? [...Object.values(decoder.config), ...Object.values(decoder.ids)] : []),
    decoder?.start?.kind === "token" ? decoder.start.id : undefined,
    sharing?.groups,
    sharing?.perGroup,
    tasks?.rows,
    encoder.relativeBias?.rows,
  ];
  const padding = positions.kind === "table behind padding" ? 1 : 0;
  const assumed = Object.values(heads).flatMap(({ assumes = {} }) => Object.entries(assumes));
  return new Map<string, unknown>([
    ...Object.entries(COMMON),
    ["pad_token_id", padding],
    ...(decoder ? GENERATION.map((key) => [key, undefined] as const) : []),
    ...[tasks?.where, scaledWhere].flatMap((key) => (key === undefined ? [] : [[key, false] as const])),
    ...assumed,
    ...keys.filter((key) => typeof key === "object"),
  ]);
}

/** Those of them that have another value in one config than in another. */
export function changedForwardKeys(architecture: Architecture, before: Config, after: Config): string[] {
  return [...forwardKeys(architecture)]
    .filter(([key, fallback]) => !isDeepStrictEqual(before[key] ?? fallback, after[key] ?? fallback))
    .map(([key]) => key);
}
