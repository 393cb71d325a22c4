import type { ConfigKey, Decoder, Head } from "../architectures/architecture.js";
import { isBase, taskOf } from "../architectures/tasks.js";
import { CheckpointError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import type { Op, Value } from "./body.js";
import { decode } from "./decoder.js";
import { sizeOf } from "./functions/attend.js";
import { type KeyMask, keyBias } from "./functions/masks.js";
import type { HeadInputs } from "./heads.js";
import type { ModelBuilder } from "./model-builder.js";
import type { TaskOutput } from "./tasks.js";

export interface PairInputs {
  /** The encoder's, (batch, length) int64. */
  readonly inputIds: Value;
  readonly attentionMask: Value;
  readonly encoderHidden: Value;
  /** What the attention mask says of the encoder's output. */
  readonly outputKeys: KeyMask;
  /** Whether the encoder reads texts of any length, and the decoder none that is longer than its table. */
  readonly isLonger: boolean;
}

/**
 * The decoder behind an encoder in one graph, over a whole text at once. Its input is the encoder's, one token to
 * the right, as transformers makes it; where a head generates, or transformers makes none, it is an input of the
 * graph's own, `decoder_input_ids`. The base model's is cut to what the decoder can read: no token's output depends
 * on those behind it, and the encoder's length is not the decoder's.
 * @returns what heads are computed of, and outputs beside theirs; undefined for a model without a decoder
 */
export function decodePair(
  builder: ModelBuilder,
  head: Head,
  inputs: PairInputs,
): (Omit<HeadInputs, "joining"> & { readonly outputs: readonly TaskOutput[] }) | undefined {
  const { graph, op, model } = builder;
  const { decoder } = model.architecture;
  if (!decoder) return undefined;
  const isWhole = isBase(head);
  const { encoderHidden, outputKeys } = inputs;
  const shifts = decoder.start !== undefined && !taskOf(head).generates;
  const most = isWhole ? fewerPositions(model, inputs.isLonger) : undefined;
  const axis = shifts && most === undefined ? "sequence_length" : "decoder_sequence_length";
  const ids = shifts
    ? graph.scope("shift", () => {
        const shifted = shiftRight(op, model, decoder, inputs.inputIds);
        return most === undefined ? shifted : op.Slice(shifted, [0], [most], [1]);
      })
    : graph.input("decoder_input_ids", "I64", ["batch_size", axis]);
  const encoderBias = graph.scope("key_bias", () => crossKeyBias(builder, inputs.attentionMask, outputKeys));
  const { hidden } = graph.scope("decoder", () =>
    decode(builder, decoder, { inputIds: ids, encoderBias, state: { encoderHidden } }),
  );
  const dims = ["batch_size", encoderAxis(outputKeys, "sequence_length"), model.sizes.hidden];
  const encoderOutput = { name: "encoder_last_hidden_state", value: encoderHidden, dims };
  return {
    hidden,
    axis,
    lastEnd: () => lastEnd(op, model, decoder, inputs.inputIds),
    outputs: isWhole || !shifts ? [encoderOutput] : [],
  };
}

/** How many tokens a decoder reads, where its encoder reads more: an LED, or an encoder that reads texts of any length. */
function fewerPositions({ sizes }: Model, isLonger: boolean): number | undefined {
  const { positions = sizes.positions } = sizes.decoder ?? {};
  return isLonger || positions < sizes.positions ? positions : undefined;
}

/**
 * What hides the encoder's output from a decoder: with the global tokens before it where they are passed on, which
 * no mask hides.
 * @param mask int64 (batch, length)
 */
export function crossKeyBias({ op, weights }: ModelBuilder, mask: Value, outputKeys: KeyMask): Value {
  return keyBias(op, mask, { ...outputKeys, dtype: weights.dtype });
}

/** The axis of the encoder's output: longer than its input where global tokens are passed on. */
export function encoderAxis({ prependedTokens }: KeyMask, axis: string): string {
  return prependedTokens > 0 ? `num_global_tokens + ${axis}` : axis;
}

/** `shift_tokens_right` of transformers. @param ids (batch, length) */
function shiftRight(op: Op, { config }: Model, { start, ids: { pad } }: Decoder, ids: Value): Value {
  const others = op.Slice(ids, [0], [-1], [1]);
  const batch = op.Shape(ids, { start: 0, end: 1 });
  if (start === undefined) return ids;
  const first =
    start.kind === "last token"
      ? rowElement(
          op,
          ids,
          op.Sub(op.ReduceSum(isNot(op, ids, decoderId(config, pad)), [1], { keepdims: 0 }), 1),
        )
      : op.Expand(decoderId(config, start.id), batch);
  return op.Concat(op.Unsqueeze(first, [1]), others, { axis: 1 });
}

/** Where the last end of a text is in each row of (batch, length): (batch). */
function lastEnd(op: Op, { config }: Model, { ids: { end } }: Decoder, ids: Value): Value {
  const isEnd = op.Equal(ids, decoderId(config, end));
  const position = op.Range(1, op.Add(sizeOf(op, ids, 1), 1), 1);
  const ends = op.Mul(op.Cast(isEnd, { to: "F32" }), op.Cast(position, { to: "F32" }));
  return op.ArgMax(ends, { axis: 1, keepdims: 0 });
}

/** int64 (batch, length). */
function isNot(op: Op, ids: Value, id: number): Value {
  return op.Cast(op.Not(op.Equal(ids, id)), { to: "I64" });
}

/** One element of each row of (batch, length). @param index (batch) */
function rowElement(op: Op, x: Value, index: Value): Value {
  const [batch, length] = [sizeOf(op, x, 0), sizeOf(op, x, 1)];
  return op.Gather(op.Reshape(x, [-1]), op.Add(op.Mul(op.Range(0, batch, 1), length), index));
}

/** The id of padding or of a text's end as the config has it. @throws CheckpointError for one that is not a number */
export function decoderId(config: Model["config"], key: ConfigKey): number {
  const id = typeof key === "number" ? key : (config[key[0]] ?? key[1]);
  if (typeof id === "number") return id;
  const name = typeof key === "number" ? "a token id" : key[0];
  throw new CheckpointError(
    `config.json: ${name} is ${JSON.stringify(id)}, expected a number`,
    Array.isArray(id)
      ? `This class looks for one id, and transformers fails with a list as well: set ${name} to the one that its inputs have.`
      : `Set ${name} to the tokenizer's id.`,
  );
}
