import type { Architecture, Layers } from "../architectures/architecture.js";
import type { LongformerConfig } from "../attention/longformer.js";
import type { LsgConfig } from "../attention/lsg-config.js";
import { layerOrder, projects, type Sizes, typeTables } from "../model/tensor-specs.js";
import type { OnnxFunction, Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import { consecutiveRows, embedWords, positionTable } from "./embeddings.js";
import { sizeOf, vector } from "./functions/attend.js";
import { prependedTokens } from "./functions/lsg-inputs.js";
import { keyBias } from "./functions/masks.js";
import { relativeInputs } from "./functions/relative-bias.js";
import { addPart, feedForward, type LayerContext, layerNorm, linear, partInput } from "./layers.js";
import { type Attend, longformerLayers } from "./longformer.js";
import type { Table } from "./weights.js";

/** What an encoder is built from. */
export interface EncoderOptions {
  readonly architecture: Architecture;
  readonly sizes: Sizes;
  /** Undefined for the original's full attention. */
  readonly lsg: LsgConfig | undefined;
  /** The op of every layer; undefined for Longformer's, which may differ. */
  readonly attention: OnnxFunction | undefined;
  /** Of Longformers. */
  readonly longformer: LongformerConfig | undefined;
  /** Rows of the position table before position 0. */
  readonly positionOffset: number;
  /** A query sees no later key. */
  readonly causal: boolean;
}

/** (batch, length), int64. */
export interface EncoderInputs {
  readonly inputIds: Value;
  readonly attentionMask: Value;
  readonly tokenTypeIds: Value | undefined;
  /** Of Longformers: which tokens have global attention; undefined for none. */
  readonly globalMask?: Value | undefined;
}

/**
 * The base model, or its encoder: (batch, length, hidden), without the global tokens that a conversion put before
 * the input, or with them where they are for a decoder as well.
 */
export function encode(
  graph: GraphBuilder,
  context: LayerContext,
  inputs: EncoderInputs,
  options: EncoderOptions,
): Value {
  const { architecture, sizes, lsg } = options;
  const { encoder } = architecture;
  const prepended = lsg ? prependedTokens(lsg) : 0;
  const bias = graph.scope("key_bias", () => {
    const maskFirstToken = lsg?.mask_first_token ?? false;
    return keyBias(graph.op, inputs.attentionMask, {
      prependedTokens: prepended,
      maskFirstToken,
      dtype: context.weights.dtype,
    });
  });
  const attend = attentionLayers(graph, context, inputs, bias, options);
  const embedded = graph.scope("embeddings", () => embed(graph, context, inputs, options));
  const last = layerOrder(architecture, sizes).reduce(
    (x, path, i) =>
      graph.scope(`layer.${i}`, () => encoderLayer(context, encoder.layers, { index: i, path }, attend, x)),
    embedded,
  );
  const hidden = encoder.norm ? layerNorm(context, encoder.norm, last) : last;
  const passesOn = lsg?.pass_global_tokens_to_decoder ?? false;
  return lsg && !passesOn ? graph.scope("pool", () => withoutGlobals(graph, hidden, lsg, prepended)) : hidden;
}

function attentionLayers(
  graph: GraphBuilder,
  context: LayerContext,
  { attentionMask, globalMask }: EncoderInputs,
  bias: Value,
  { architecture, sizes, lsg, causal, attention, longformer }: EncoderOptions,
): Attend {
  const { relativeBias: relative } = architecture.encoder;
  if (attention) {
    const more = relative
      ? graph.scope("relative_bias", () => {
          const table = context.weights.tensor(`${relative.table}.weight`);
          return relativeInputs(graph.op, table, bias, { relative, config: lsg, causal });
        })
      : [];
    return (_, { query, key, value }) => graph.op.call(attention, query, key, value, bias, ...more);
  }
  const projections = architecture.encoder.layers.global;
  if (!projections || !longformer) throw new Error(`${architecture.title} has no attention`);
  const heads = { numHeads: sizes.heads, headDim: sizes.hidden / sizes.heads };
  return longformerLayers(graph, context, longformer, heads, projections, {
    attentionMask,
    globalMask,
    bias,
  });
}

/** Attention and feed-forward. */
function encoderLayer(
  context: LayerContext,
  layers: Layers,
  layer: { readonly index: number; readonly path: string },
  attend: Attend,
  x: Value,
): Value {
  const { path } = layer;
  const at = (name: string) => `${path}.${name}`;
  const input = partInput(context, layers.norms, at(layers.attentionNorm), x);
  const [query, key, value] = [layers.query, layers.key, layers.value].map((name) =>
    linear(context, at(name), input),
  );
  const attended = attend(layer, {
    input,
    query: query as Value,
    key: key as Value,
    value: value as Value,
  });
  const output = linear(context, at(layers.attentionOutput), attended);
  return feedForward(
    context,
    layers,
    path,
    addPart(context, layers.norms, at(layers.attentionNorm), output, x),
  );
}

/** Words, token types and positions, global tokens before them, one norm over all. */
function embed(
  graph: GraphBuilder,
  context: LayerContext,
  inputs: EncoderInputs,
  options: EncoderOptions,
): Value {
  const { op } = graph;
  const { weights } = context;
  const { architecture, sizes, lsg } = options;
  const { embeddings } = architecture.encoder;
  const [types, tasks] = typeTables(architecture, sizes);
  const addTypes = (x: Value, { table }: { table: string }, ids?: Value) =>
    op.Add(x, tokenTypes(graph, weights.tensor(`${table}.weight`), ids));
  const words = embedWords(context, embeddings, inputs.inputIds);
  const typed = types ? addTypes(words, types, inputs.tokenTypeIds) : words;
  const placed = op.Add(typed, positions(graph, context, inputs.inputIds, options));
  const tokens = tasks ? addTypes(placed, tasks) : placed;
  const globals = () => weights.table(`${embeddings.global}.weight`);
  const all = lsg ? withGlobals(graph, tokens, globals, lsg) : tokens;
  const normed = embeddings.norm ? layerNorm(context, embeddings.norm, all) : all;
  return embeddings.projection && projects(architecture, sizes)
    ? linear(context, embeddings.projection.name, normed)
    : normed;
}

/** Rows of the types' table; row 0 for models whose inputs have no types. */
function tokenTypes({ op }: GraphBuilder, table: Value, ids: Value | undefined): Value {
  return ids ? op.Gather(table, ids) : op.Slice(table, [0], [1], [0]);
}

/**
 * Position embeddings: by index, or, where positions are counted from the padding id, by the number of tokens
 * before that are not padding (`create_position_ids_from_input_ids` of transformers).
 */
function positions(
  graph: GraphBuilder,
  context: LayerContext,
  inputIds: Value,
  { positionOffset, architecture, sizes }: EncoderOptions,
): Value {
  const { op } = graph;
  const table = positionTable(graph, context, architecture.encoder.embeddings, architecture, sizes);
  if (architecture.positions.kind !== "table behind padding") {
    return consecutiveRows(context, table, positionOffset, sizeOf(op, inputIds, 1));
  }
  const isToken = op.Cast(op.Not(op.Equal(inputIds, positionOffset - 1)), { to: "I64" });
  const counted = op.Mul(op.CumSum(isToken, 1), isToken);
  return table.at(op.Add(counted, positionOffset - 1));
}

/** Puts the rows of the global table before the tokens, but not the one that is the first token's own. */
function withGlobals({ op }: GraphBuilder, tokens: Value, table: () => Table, lsg: LsgConfig): Value {
  const first = lsg.first_token_is_global ? 1 : 0;
  const count = lsg.num_global_tokens - first;
  if (count === 0) return tokens;
  const rows = op.Unsqueeze(table().rows([first], [lsg.num_global_tokens]), [0]);
  const perRow = op.Expand(rows, vector(op, op.Slice(op.Shape(tokens), [0], [1]), 1, 1));
  return op.Concat(perRow, tokens, { axis: 1 });
}

/** Cuts the prepended tokens off; with `pool_with_global` the first of them stands in for token 0. */
function withoutGlobals({ op }: GraphBuilder, hidden: Value, lsg: LsgConfig, prepended: number): Value {
  const end = 2 ** 31 - 1;
  if (lsg.pool_with_global && !lsg.first_token_is_global) {
    const [global, others] = [op.Slice(hidden, [0], [1], [1]), op.Slice(hidden, [prepended + 1], [end], [1])];
    return op.Concat(global, others, { axis: 1 });
  }
  return prepended > 0 ? op.Slice(hidden, [prepended], [end], [1]) : hidden;
}
