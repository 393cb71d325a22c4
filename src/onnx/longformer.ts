import type { GlobalProjections, Head } from "../architectures/architecture.js";
import { type LongformerConfig, windowOf } from "../attention/longformer.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { Op, Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import { type Heads, sizeOf } from "./functions/attend.js";
import { globalIndex, tokensAt } from "./functions/longformer/global-index.js";
import { longformerAttention } from "./functions/longformer-attention.js";
import { type LayerContext, linear } from "./layers.js";

/** The attention of one layer: (batch, length, hidden) of what it is computed of, all of that shape. */
export type Attend = (
  layer: { readonly index: number; readonly path: string },
  inputs: { readonly input: Value; readonly query: Value; readonly key: Value; readonly value: Value },
) => Value;

export interface LongformerInputs {
  /** int64 (batch, length). */
  readonly attentionMask: Value;
  /** The same; undefined where no token has global attention. */
  readonly globalMask: Value | undefined;
  /** (batch, length): 0 or `HIDDEN`. */
  readonly bias: Value;
}

/** Attention in windows, and of global tokens with projections of their own. */
export function longformerLayers(
  graph: GraphBuilder,
  context: LayerContext,
  config: LongformerConfig,
  heads: Heads,
  projections: GlobalProjections,
  { attentionMask, globalMask, bias }: LongformerInputs,
): Attend {
  const { op } = context;
  const indices = globalMask && graph.scope("global_index", () => globalIndex(op, globalMask, attentionMask));
  // transformers clears what padding attends to, and heads read a row's first token even where it is padding.
  const visible = op.Unsqueeze(
    op.Cast(op.Cast(attentionMask, { to: "BOOL" }), { to: context.weights.dtype }),
    [2],
  );
  const clear = (attended: Value) => op.Mul(attended, visible);
  const functionOf = (index: number) => {
    const window = windowOf(config, index, heads.numHeads);
    return longformerAttention({ ...heads, ...window, globals: indices !== undefined });
  };
  return ({ index, path }, { input, query, key, value }) => {
    const attention = functionOf(index);
    if (!indices) return clear(op.call(attention, query, key, value, bias));
    const global = (part: keyof GlobalProjections, x: Value) =>
      linear(context, `${path}.${projections[part]}`, x);
    const queryGlobal = global("query", tokensAt(op, input, indices));
    return clear(
      op.call(
        attention,
        query,
        key,
        value,
        bias,
        queryGlobal,
        global("key", input),
        global("value", input),
        indices,
      ),
    );
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
