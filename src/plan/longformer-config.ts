import type { Architecture, Head } from "../architectures/architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { Model } from "../model/model.js";
import { positionOffset } from "./positions.js";

export interface SizeChanges {
  readonly model: Model;
  readonly variant: Architecture;
  readonly length: number;
  /** Of the result. */
  readonly head: Head | undefined;
  /** The tokenizer's separator, behind which a question ends. */
  readonly separator: number | undefined;
}

/** Whether a decoder reads what the encoder reads: it then needs as many positions. Others write, as before. */
export function readsInput(head: Head | undefined): boolean {
  return head !== undefined && head.auto !== "Seq2SeqLM";
}

/** A model's sizes and settings under the names of its Longformer variant. */
export function sizeChanges({ model, variant, length, head, separator }: SizeChanges): [string, unknown][] {
  const { architecture, config, sizes } = model;
  const { taskType } = architecture.encoder.embeddings;
  const offset = positionOffset(variant, config);
  const settings: Readonly<Record<string, unknown>> = {
    ...sizes,
    types: sizes.types || 1,
    positions: length + (variant.positions.configCountsOffset ? offset : 0),
    activation: settingOf(architecture.config.activation, config),
  };
  const decoder: Readonly<Record<string, unknown>> = {
    ...sizes.decoder,
    positions: readsInput(head) ? length : (sizes.decoder?.positions ?? sizes.positions),
  };
  const under = (keys: Readonly<Record<string, unknown>>, values: Readonly<Record<string, unknown>>) =>
    Object.entries(keys).flatMap(([name, key]): [string, unknown][] =>
      Array.isArray(key) && values[name] !== undefined ? [[String(key[0]), values[name]]] : [],
    );
  const changes: [string, unknown][] = [
    // Where the names differ the old one would state the old length; task types are in the token types now.
    ...[architecture.config.positions, taskType?.rows, [taskType?.where]].flatMap(
      (key): [string, unknown][] => (Array.isArray(key) && key[0] ? [[key[0], undefined]] : []),
    ),
    ...under(variant.config, settings),
    ...under(variant.decoder?.config ?? {}, decoder),
    ...Object.entries(architecture.longformerKeys ?? {}).map(([key, own]): [string, unknown] => [
      key,
      config[own],
    ]),
  ];
  if (offset > 0) changes.push(["pad_token_id", offset - 1]);
  if (!variant.decoder)
    changes.push(["sep_token_id", config.sep_token_id ?? separator ?? config.eos_token_id]);
  return [...new Map(changes)].filter(([key, value]) => config[key] !== value);
}

function settingOf(key: Architecture["config"]["activation"], config: Config): unknown {
  return typeof key === "number" ? undefined : (config[key[0]] ?? key[1]);
}
