import type { GlobalProjections, Head } from "../architectures/architecture.js";
import { type LongformerConfig, windowOf } from "../attention/longformer.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { Model } from "../model/model.js";
import type { OnnxFunction, Op, Value } from "./body.js";
import { type Attend, type EncoderAttention, encoderHeads, type LayerMasks } from "./encoder.js";
import { sizeOf } from "./functions/attend.js";
import { globalIndex, tokensAt } from "./functions/longformer/global-index.js";
import { longformerAttention } from "./functions/longformer-attention.js";
import { WHOLE_MASK } from "./functions/masks.js";
import { linear } from "./layers.js";
import type { ModelBuilder } from "./model-builder.js";

/** Windows, whose width and gaps may differ from layer to layer, and global tokens, with projections of their own. */
export function longformerEncoder(config: LongformerConfig): EncoderAttention {
  return {
    suffix: "",
    keys: WHOLE_MASK,
    outputKeys: WHOLE_MASK,
    choosesGlobals: true,
    op: (model) => layerOp(model, config, 0, false),
    layers: (builder, masks) => longformerLayers(builder, config, masks),
  };
}

/** The op of one layer. @param globals whether there may be global tokens */
export function layerOp(
  model: Model,
  config: LongformerConfig,
  layer: number,
  globals: boolean,
): OnnxFunction {
  const heads = encoderHeads(model);
  return longformerAttention({ ...heads, ...windowOf(config, layer, heads.numHeads), globals });
}

function longformerLayers(
  builder: ModelBuilder,
  config: LongformerConfig,
  { attentionMask, globalMask, bias }: LayerMasks,
): Attend {
  const { graph, op, weights, model } = builder;
  const indices = globalMask && graph.scope("global_index", () => globalIndex(op, globalMask, attentionMask));
  // transformers clears what padding attends to, and heads read a row's first token even where it is padding.
  const visible = op.Unsqueeze(op.Cast(op.Cast(attentionMask, { to: "BOOL" }), { to: weights.dtype }), [2]);
  const globals = (path: string, input: Value): Value[] => {
    const projections = model.architecture.encoder.layers.global;
    if (!indices) return [];
    if (!projections) throw new Error(`${model.architecture.title} has no projections of global tokens`);
    const project = (part: keyof GlobalProjections, x: Value) =>
      linear(builder, `${path}.${projections[part]}`, x);
    return [
      project("query", tokensAt(op, input, indices)),
      project("key", input),
      project("value", input),
      indices,
    ];
  };
  return ({ index, path }, { input, query, key, value }) => {
    const attention = layerOp(model, config, index, indices !== undefined);
    return op.Mul(op.call(attention, query, key, value, bias, ...globals(path, input)), visible);
  };
}

/**
 * The tokens that transformers' heads give global attention to: the first one, those of the question, or those
 * behind it. A question ends with the first separator; a row without one has none.
 * @param ids int64 (batch, length). @returns the same
 */
export function headGlobals(op: Op, kind: NonNullable<Head["globals"]>, ids: Value, config: Config): Value {
  const position = op.Range(0, sizeOf(op, ids, 1), 1);
  const isGlobal =
    kind === "first token"
      ? op.Expand(op.Equal(position, 0), op.Shape(ids))
      : besideQuestion(op, kind, ids, position, separatorOf(config));
  return op.Cast(isGlobal, { to: "I64" });
}

function besideQuestion(
  op: Op,
  kind: "question" | "answers",
  ids: Value,
  position: Value,
  separator: number,
): Value {
  const separators = op.CumSum(op.Cast(op.Equal(ids, separator), { to: "I64" }), 1);
  const isBefore = op.Equal(separators, 0);
  const end = op.ReduceSum(op.Cast(isBefore, { to: "I64" }), [1], { keepdims: 1 });
  if (kind === "answers") return op.Greater(position, op.Add(end, 1));
  return op.And(isBefore, op.Less(end, sizeOf(op, ids, 1)));
}

function separatorOf({ sep_token_id = 2 }: Config): number {
  if (typeof sep_token_id === "number") return sep_token_id;
  throw new CheckpointError(
    `config.json: sep_token_id is ${JSON.stringify(sep_token_id)}; questions end with it`,
    "Set it to the tokenizer's separator.",
  );
}
