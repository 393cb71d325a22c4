import { isDeepStrictEqual } from "node:util";
import type { Architecture, ConfigKey } from "../architectures/architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";

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
