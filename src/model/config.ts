import { type Architecture, writesNoMore } from "../architectures/architecture.js";
import { CheckpointError, OptionError } from "../base/errors.js";
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
 * Refuses what LSG attention cannot compute.
 * @throws CheckpointError naming the key.
 */
export function checkConvertible(config: Config, architecture: Architecture): void {
  const { position_embedding_type: type, add_cross_attention } = config;
  if (type !== undefined && type !== "absolute") {
    throw new CheckpointError(
      `config.json: position_embedding_type is ${JSON.stringify(type)}; only absolute positions can be tiled`,
      `Relative positions are part of the attention: convert a ${architecture.title} with absolute ones.`,
    );
  }
  if (add_cross_attention === true) {
    throw new CheckpointError(
      "config.json: add_cross_attention is true; attention to another model's output is not supported",
      "It is the decoder of a pair: take the encoder, or a model that works alone.",
    );
  }
}

/** What the change of a length means for the files that limit it. @param architecture the result's */
export function lengthChange(architecture: Architecture, from: number, to: number): Lengths {
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
  const keys = CONFIG_LENGTH_KEYS.filter((key) => typeof config[key] === "number");
  const writesMore = architecture.decoder !== undefined && !lengths.writesNoMore;
  const generates = writesMore && isGenerationLimit(config.max_length, lengths);
  return [...keys, ...(generates ? ["max_length"] : [])].map((key) => [key, lengths.to]);
}

/** Sizes under the names by which servers ask for them, where the model type has others. */
export function aliasedSizes(architecture: Architecture, config: Config, sizes: Sizes): [string, number][] {
  return Object.entries(architecture.configAliases ?? {})
    .filter(([key]) => config[key] === undefined)
    .map(([key, name]) => [key, sizes[name]]);
}

/** Keys that `merged` adds or changes. */
export function changedKeys(config: Config, merged: Config): [string, unknown][] {
  return Object.entries(merged).filter(([key, value]) => config[key] !== value);
}
