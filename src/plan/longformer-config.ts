import type { Architecture, Head } from "../architectures/architecture.js";
import { taskOf } from "../architectures/tasks.js";
import {
  type LongformerConfig,
  perLayer,
  REFERENCE_WINDOW,
  readLongformer,
  refuseUneven,
  withDilation,
} from "../attention/longformer.js";
import type { LayerSizes } from "../attention/variant-row.js";
import { OptionError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { activationOf } from "../model/config.js";
import type { Model } from "../model/model.js";
import { positionOffset, statedPositions } from "../model/positions.js";
import type { ConversionOptions } from "../options/options.js";

export interface SizeChanges {
  readonly model: Model;
  readonly variant: Architecture;
  readonly length: number;
  readonly head: Head | undefined;
  /** The tokenizer's separator, behind which a question ends. */
  readonly separator: number | undefined;
}

/** Whether a decoder reads what the encoder reads: it then needs as many positions. Others write, as before. */
export function readsInput(head: Head | undefined): boolean {
  return head !== undefined && !taskOf(head).generates;
}

/** A model's sizes and settings under the names of its Longformer variant. */
export function sizeChanges({ model, variant, length, head, separator }: SizeChanges): [string, unknown][] {
  const { architecture, config, sizes } = model;
  const { types } = architecture.encoder.embeddings;
  const tasks = types.kind === "input and task" ? types.task : undefined;
  const offset = positionOffset(variant, config);
  const settings: Readonly<Record<string, unknown>> = {
    ...sizes,
    types: sizes.types || 1,
    positions: statedPositions(variant, length, offset),
    activation: activationOf(architecture, config),
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
    ...[architecture.config.positions, tasks?.rows, [tasks?.where]].flatMap((key): [string, unknown][] =>
      Array.isArray(key) && key[0] ? [[key[0], undefined]] : [],
    ),
    ...under(variant.config, settings),
    ...under(variant.decoder?.config ?? {}, decoder),
    ...Object.entries(("keys" in architecture.longformer && architecture.longformer.keys) || {}).map(
      ([key, own]): [string, unknown] => [key, config[own]],
    ),
  ];
  if (offset > 0) changes.push(["pad_token_id", offset - 1]);
  if (!variant.decoder)
    changes.push(["sep_token_id", config.sep_token_id ?? separator ?? config.eos_token_id]);
  return [...new Map(changes)].filter(([key, value]) => config[key] !== value);
}

/**
 * The windows of the result: what was asked for, else a Longformer source's own, else the preset's. Faithful windows
 * reach as far on either side as the source could read.
 * @param maxLength tokens that the source can read
 * @throws OptionError for windows that are odd, or not as many as there are layers
 */
export function resolveLongformer(
  { attentionWindow, attentionDilation, preset }: ConversionOptions,
  config: Config,
  sizes: LayerSizes,
  maxLength: number,
): LongformerConfig {
  const hasOwn = config.attention_window !== undefined || config.attention_dilation !== undefined;
  const own = hasOwn ? readLongformer(config, sizes) : undefined;
  const byPreset = preset === "faithful" ? 2 * maxLength : REFERENCE_WINDOW;
  const window = perLayer("attention-window", attentionWindow, sizes.layers) ?? own?.attention_window;
  const asked = perLayer("attention-dilation", attentionDilation, sizes.layers);
  asked?.forEach((dilation, layer) => {
    if (typeof dilation === "number" || dilation.length === sizes.heads) return;
    throw new OptionError(
      `--attention-dilation: ${dilation.join(":")} for layer ${layer} has ${dilation.length} numbers for ${sizes.heads} heads`,
      "Give one number, or one for each head, parted by colons.",
    );
  });
  const attention_window = window ?? new Array<number>(sizes.layers).fill(byPreset);
  const odd = attention_window.find((width) => width % 2 !== 0);
  if (odd !== undefined) {
    throw new OptionError(
      `--attention-window ${odd} is odd; half of a window lies on either side`,
      `Use ${odd - 1 || 2} or ${odd + 1}.`,
    );
  }
  refuseUneven(attention_window);
  return withDilation(attention_window, asked ?? own?.attention_dilation ?? [], sizes.heads);
}
