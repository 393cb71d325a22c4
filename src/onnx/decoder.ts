import type { Attention, Decoder } from "../architectures/architecture.js";
import type { Model } from "../model/model.js";
import { positionOffset } from "../model/positions.js";
import { decoderPaths } from "../model/tensor-specs.js";
import type { Op, Value } from "./body.js";
import { consecutiveRows, embedWords, positionTable } from "./embeddings.js";
import { type Heads, sizeOf, swapHeads } from "./functions/attend.js";
import { crossAttention, decoderSelfAttention } from "./functions/decoder-attention.js";
import { addPart, feedForward, layerNorm, linear, partInput } from "./layers.js";
import type { ModelBuilder } from "./model-builder.js";

/** Keys and values of an attention: (batch, heads, length, head_dim) both. */
export interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

/** What a layer keeps for the tokens to come. */
export interface LayerCache {
  /** Of the tokens so far. */
  readonly decoder: KeyValue;
  /** Of the encoder's output. */
  readonly encoder: KeyValue;
}

export interface DecoderInputs {
  /** (batch, length), int64. */
  readonly inputIds: Value;
  /** (batch, encoder's tokens): 0 or `HIDDEN`. */
  readonly encoderBias: Value;
  /** The encoder's output (batch, its tokens, hidden), or what each layer kept in earlier passes. */
  readonly state: { readonly encoderHidden: Value } | { readonly past: readonly LayerCache[] };
}

/** How wide a decoder's attention is. @throws Error for a model that has no decoder */
export function decoderHeads({ sizes }: Model): Heads {
  const { decoder, hidden } = sizes;
  if (!decoder) throw new Error("the model has no decoder");
  return { numHeads: decoder.heads, headDim: hidden / decoder.heads };
}

/** The decoder: its last hidden state (batch, length, hidden), and what each layer keeps. */
export function decode(
  builder: ModelBuilder,
  decoder: Decoder,
  inputs: DecoderInputs,
): { readonly hidden: Value; readonly present: readonly LayerCache[] } {
  const { graph, model } = builder;
  const heads = decoderHeads(model);
  const { state } = inputs;
  const past = "past" in state ? state.past : [];
  const present: LayerCache[] = [];
  const embedded = graph.scope("embeddings", () =>
    embed(builder, decoder, inputs.inputIds, past[0]?.decoder.key),
  );
  const last = decoderPaths(model.architecture, model.sizes).reduce((x, path, i) => {
    const layer = { builder, decoder, path, heads, inputs, past: past[i] };
    const { hidden, cache } = graph.scope(`layer.${i}`, () => decoderLayer(layer, x));
    present.push(cache);
    return hidden;
  }, embedded);
  return { hidden: decoder.norm ? layerNorm(builder, decoder.norm, last) : last, present };
}

/** @param past keys of the first layer: the tokens follow as many others */
function embed(builder: ModelBuilder, { embeddings }: Decoder, ids: Value, past: Value | undefined): Value {
  const { op, model } = builder;
  const table = positionTable(builder, embeddings);
  const offset = positionOffset(model.architecture, model.config);
  const first = past ? op.Add(sizeOf(op, past, 2), offset) : offset;
  const positions = consecutiveRows(op, table, first, sizeOf(op, ids, 1));
  const tokens = op.Add(embedWords(builder, embeddings, ids), positions);
  return embeddings.norm ? layerNorm(builder, embeddings.norm, tokens) : tokens;
}

interface LayerInputs {
  readonly builder: ModelBuilder;
  readonly decoder: Decoder;
  readonly path: string;
  readonly heads: Heads;
  readonly inputs: DecoderInputs;
  readonly past: LayerCache | undefined;
}

/** Attention to the tokens so far, attention to the encoder's output, feed-forward. */
function decoderLayer(layer: LayerInputs, x: Value): { hidden: Value; cache: LayerCache } {
  const { builder, path, heads, inputs, past } = layer;
  const { op } = builder;
  const { layers } = layer.decoder;
  const { norms, cross } = layers;
  const at = (name: string) => `${path}.${name}`;

  const input = partInput(builder, norms, at(layers.attentionNorm), x);
  const added = keyValue(layer, layers, input);
  const decoder = past ? joined(op, past.decoder, added) : added;
  const query = linear(builder, at(layers.query), input);
  const seen = op.call(decoderSelfAttention(heads), query, decoder.key, decoder.value);
  const output = linear(builder, at(layers.attentionOutput), seen);
  const mixed = addPart(builder, norms, at(layers.attentionNorm), output, x);

  const { state, encoderBias } = inputs;
  const encoder = "encoderHidden" in state ? keyValue(layer, cross, state.encoderHidden) : past?.encoder;
  if (!encoder) throw new Error(`${path} has neither the encoder's output nor what was kept of it`);
  const crossQuery = linear(
    builder,
    at(cross.query),
    partInput(builder, norms, at(cross.attentionNorm), mixed),
  );
  const found = op.call(crossAttention(heads), crossQuery, encoder.key, encoder.value, encoderBias);
  const crossOutput = linear(builder, at(cross.attentionOutput), found);
  const informed = addPart(builder, norms, at(cross.attentionNorm), crossOutput, mixed);
  return { hidden: feedForward(builder, layers, path, informed), cache: { decoder, encoder } };
}

/** @param x (batch, length, hidden) */
function keyValue({ builder, path, heads }: LayerInputs, names: Attention, x: Value): KeyValue {
  const { op } = builder;
  const inHeads = (name: string) => {
    const projected = linear(builder, `${path}.${name}`, x);
    return swapHeads(op, op.Reshape(projected, [0, -1, heads.numHeads, heads.headDim]));
  };
  return { key: inHeads(names.key), value: inHeads(names.value) };
}

function joined(op: Op, past: KeyValue, added: KeyValue): KeyValue {
  return {
    key: op.Concat(past.key, added.key, { axis: 2 }),
    value: op.Concat(past.value, added.value, { axis: 2 }),
  };
}
