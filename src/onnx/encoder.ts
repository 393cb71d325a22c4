import type { Layers } from "../architectures/architecture.js";
import type { LsgConfig } from "../attention/lsg-config.js";
import type { FirstTokenUse } from "../attention/windows.js";
import type { Model } from "../model/model.js";
import { positionOffset } from "../model/positions.js";
import { layerOrder, projects, typeTables } from "../model/tensor-specs.js";
import type { OnnxFunction, Op, Value } from "./body.js";
import { consecutiveRows, embedWords, positionTable } from "./embeddings.js";
import { type Heads, sizeOf } from "./functions/attend.js";
import { type KeyMask, keyBias } from "./functions/masks.js";
import { type Biased, relativeInputs } from "./functions/relative-bias.js";
import { addPart, feedForward, layerNorm, linear, partInput } from "./layers.js";
import type { ModelBuilder } from "./model-builder.js";

/** What an encoder's graph has of a variant of attention. */
export interface EncoderAttention {
  /** The graph's name behind the model type, which viewers show. */
  readonly suffix: string;
  /** What the attention mask says of the encoder's keys. */
  readonly keys: KeyMask;
  /** What it says of a decoder's, which are the encoder's output. */
  readonly outputKeys: KeyMask;
  /** Whether tokens are chosen to have global attention: by an input, or as the head has them. */
  readonly choosesGlobals: boolean;
  /** The blocks of which a bias by distance is made; none where every key is seen. */
  readonly blocks?: LsgConfig;
  /**
   * The op of a model: where layers differ that of the first one, without global tokens.
   * @param seed of lsh's random projections
   */
  op(model: Model, seed: number): OnnxFunction;
  /** What attends in each layer; by default the op alone. */
  layers?(builder: ModelBuilder, masks: LayerMasks): Attend;
  /** What goes into the first layer, of the tokens' embeddings (batch, length, width); by default these. */
  prepend?(builder: ModelBuilder, tokens: Value): Value;
  /** The same, of the tokens with their norm (batch, length, hidden). */
  beside?(builder: ModelBuilder, tokens: Value): Value;
  /** What the encoder gives, of the last layer's output (batch, prepended + length, hidden); by default all of it. */
  cut?(op: Op, hidden: Value): Value;
  /** How the encoder reads its inputs, which may have any length then; by default as they lie. */
  read?(builder: ModelBuilder, inputs: EncoderInputs, use: FirstTokenUse): Reading;
}

/** How what is computed of all that an encoder read becomes what rows of the batch have. */
export interface Joining {
  /** Tokens (batch, length, width) of the encoder's output, or a decoder's. */
  tokens(hidden: Value): Value;
  /** Scores of where answers begin and end, of those of all tokens that were read: (batch, length, labels). */
  answers(scores: Value): Value;
  /** What is computed of a row's first token: (batch, width). @param compute of (any number, hidden) */
  ofFirst(hidden: Value, compute: (first: Value) => Value): Value;
  /** What is computed once of each part that was read, (parts, width): (batch, width). */
  merged(scores: Value): Value;
}

/** What an encoder reads of its inputs, and how. */
export interface Reading extends Joining {
  readonly inputs: EncoderInputs;
  readonly encoder: EncoderAttention;
}

/** Of rows that are read as they lie. */
export function inOnePiece(op: Op): Joining {
  return {
    tokens: (hidden) => hidden,
    answers: (scores) => scores,
    ofFirst: (hidden, compute) => compute(op.Gather(hidden, 0, { axis: 1 })),
    merged: (scores) => scores,
  };
}

/** (batch, length), int64. */
export interface EncoderInputs {
  readonly inputIds: Value;
  readonly attentionMask: Value;
  readonly tokenTypeIds: Value | undefined;
  /** Which tokens have global attention; undefined for none. */
  readonly globalMask?: Value | undefined;
}

export interface LayerMasks extends Pick<EncoderInputs, "attentionMask" | "globalMask"> {
  /** (batch, prepended + length): 0 or `HIDDEN`. */
  readonly bias: Value;
}

/** The attention of one layer: (batch, length, hidden) of what it is computed of, all of that shape. */
export type Attend = (
  layer: { readonly index: number; readonly path: string },
  inputs: { readonly input: Value; readonly query: Value; readonly key: Value; readonly value: Value },
) => Value;

/**
 * The base model, or its encoder: (batch, length, hidden), without the global tokens that a conversion put before
 * the input, or with them where they are for a decoder as well.
 * @param seed of lsh's random projections
 */
export function encode(
  builder: ModelBuilder,
  inputs: EncoderInputs,
  attention: EncoderAttention,
  seed: number,
): Value {
  const { graph, op, weights, model } = builder;
  const { architecture, sizes } = model;
  const { layers, norm } = architecture.encoder;
  const bias = graph.scope("key_bias", () =>
    keyBias(op, inputs.attentionMask, { ...attention.keys, dtype: weights.dtype }),
  );
  const attend =
    attention.layers?.(builder, { ...inputs, bias }) ?? opInEachLayer(builder, attention, bias, seed);
  const embedded = graph.scope("embeddings", () => {
    const tokens = embed(builder, inputs, attention);
    return attention.beside?.(builder, tokens) ?? tokens;
  });
  const last = layerOrder(architecture, sizes).reduce(
    (x, path, index) =>
      graph.scope(`layer.${index}`, () => encoderLayer(builder, layers, { index, path }, attend, x)),
    embedded,
  );
  const hidden = norm ? layerNorm(builder, norm, last) : last;
  return attention.cut ? graph.scope("pool", () => attention.cut?.(op, hidden) ?? hidden) : hidden;
}

/** How wide an encoder's attention is. */
export function encoderHeads({ sizes }: Model): Heads {
  return { numHeads: sizes.heads, headDim: sizes.hidden / sizes.heads };
}

/** What the scores of an encoder are biased by; undefined where they are not. */
export function biased(model: Model, { blocks }: EncoderAttention): Biased | undefined {
  const relative = model.architecture.encoder.relativeBias;
  return relative && { relative, config: blocks, causal: model.isCausal };
}

function opInEachLayer(
  builder: ModelBuilder,
  attention: EncoderAttention,
  bias: Value,
  seed: number,
): Attend {
  const { op, model } = builder;
  const fn = attention.op(model, seed);
  const more = relativeBias(builder, attention, bias);
  return (_, { query, key, value }) => op.call(fn, query, key, value, bias, ...more);
}

/** What attention ops take behind `bias`, which hides keys: nothing, where scores have no bias by distance. */
export function relativeBias(builder: ModelBuilder, attention: EncoderAttention, bias: Value): Value[] {
  const { graph, op, weights, model } = builder;
  const by = biased(model, attention);
  if (!by) return [];
  const table = `${by.relative.table}.weight`;
  return graph.scope("relative_bias", () => relativeInputs(op, weights.tensor(table), bias, by));
}

function encoderLayer(
  builder: ModelBuilder,
  layers: Layers,
  layer: { readonly index: number; readonly path: string },
  attend: Attend,
  x: Value,
): Value {
  const { path } = layer;
  const at = (name: string) => `${path}.${name}`;
  const input = partInput(builder, layers.norms, at(layers.attentionNorm), x);
  const [query, key, value] = [layers.query, layers.key, layers.value].map((name) =>
    linear(builder, at(name), input),
  ) as [Value, Value, Value];
  const output = linear(builder, at(layers.attentionOutput), attend(layer, { input, query, key, value }));
  const attended = addPart(builder, layers.norms, at(layers.attentionNorm), output, x);
  return feedForward(builder, layers, path, attended);
}

/** Words, token types and positions, global tokens before them, one norm over all. */
function embed(builder: ModelBuilder, inputs: EncoderInputs, attention: EncoderAttention): Value {
  const { op, weights, model } = builder;
  const { architecture, sizes } = model;
  const { embeddings } = architecture.encoder;
  const [types, tasks] = typeTables(architecture, sizes);
  const addTypes = (x: Value, { table }: { table: string }, ids?: Value) =>
    op.Add(x, tokenTypes(op, weights.tensor(`${table}.weight`), ids));
  const words = embedWords(builder, embeddings, inputs.inputIds);
  const typed = types ? addTypes(words, types, inputs.tokenTypeIds) : words;
  const placed = op.Add(typed, positions(builder, inputs.inputIds));
  const tokens = tasks ? addTypes(placed, tasks) : placed;
  const all = attention.prepend?.(builder, tokens) ?? tokens;
  const normed = embeddings.norm ? layerNorm(builder, embeddings.norm, all) : all;
  return embeddings.projection && projects(architecture, sizes)
    ? linear(builder, embeddings.projection.name, normed)
    : normed;
}

/** Rows of the types' table; row 0 for models whose inputs have no types. */
function tokenTypes(op: Op, table: Value, ids: Value | undefined): Value {
  return ids ? op.Gather(table, ids) : op.Slice(table, [0], [1], [0]);
}

/**
 * Position embeddings: by index, or, where positions are counted from the padding id, by the number of tokens
 * before that are not padding (`create_position_ids_from_input_ids` of transformers).
 */
function positions(builder: ModelBuilder, inputIds: Value): Value {
  const { op, model } = builder;
  const { architecture, config } = model;
  const table = positionTable(builder, architecture.encoder.embeddings);
  const offset = positionOffset(architecture, config);
  if (architecture.positions.kind !== "table behind padding") {
    return consecutiveRows(op, table, offset, sizeOf(op, inputIds, 1));
  }
  const isToken = op.Cast(op.Not(op.Equal(inputIds, offset - 1)), { to: "I64" });
  const counted = op.Mul(op.CumSum(isToken, 1), isToken);
  return table.at(op.Add(counted, offset - 1));
}
