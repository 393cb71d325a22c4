import type { OnnxFunction, Op, Value } from "../body.js";
import { defineFunction } from "../builder.js";
import {
  ATTENTION_INPUTS,
  type Heads,
  RELATIVE_INPUTS,
  scale,
  sizeOf,
  splitHeads,
  transposeLast,
  vector,
} from "./attend.js";
import { type FullAttentionOptions, fullAttentionBody } from "./full-attention.js";
import { HIDDEN } from "./masks.js";

/** What follows the inputs of full attention: which windows are whose, and how much each place weighs for a reader. */
export const READER_INPUTS = ["row_windows", "window_places", "place_bias", "reader_scale"] as const;

const END = 2 ** 31 - 1;

/**
 * Full attention in windows, and of one token for each row, its reader, to all of the row's windows, which don't see it.
 * `query`, `key` and `value` have the windows' tokens one after the other, and behind them the rows' readers; without
 * readers the op is full attention. Inputs beside these:
 * - `row_windows` int64 (batch, most): a row's windows, and the number of all for those that it lacks;
 * - `window_places` int64 (windows): where each window stands in `row_windows`, row after row;
 * - `place_bias` float32 (windows, places): added to a reader's scores, the logarithm of a token's weight;
 * - `reader_scale` float32 (batch): what the products of a reader are multiplied by.
 * A reader stands at place 0 of every window, where scores have a bias by distance.
 */
export function readerAttention(options: Omit<FullAttentionOptions, "causal">): OnnxFunction {
  const { numHeads, headDim, relative } = options;
  const doc =
    `In ${numHeads} heads of ${headDim}: full attention in windows, and of each row's reader to its windows. ` +
    `(1, windows · places + readers, ${numHeads * headDim}) in and out.`;
  const names = [...ATTENTION_INPUTS, ...(relative ? ([RELATIVE_INPUTS[0]] as const) : []), ...READER_INPUTS];
  return defineFunction({ name: "ReaderAttention", inputs: names, output: "context", doc }, (op, inputs) => {
    const input = inputs as unknown as ReaderInputs;
    const windows = sizeOf(op, input.key_bias, 0);
    const places = op.Mul(windows, sizeOf(op, input.key_bias, 1));
    const perWindow = (x: Value) => op.Reshape(x, vector(op, windows, -1, numHeads * headDim));
    const inOne = (x: Value) => op.Reshape(x, [1, -1, numHeads * headDim]);
    const attend = (part: (x: Value) => Value) => {
      const [query, key, value] = [input.query, input.key, input.value].map((x) =>
        splitHeads(op, perWindow(part(x)), options),
      ) as [Value, Value, Value];
      const heads = { query, key, value, bias: input.key_bias, relativeBias: input.relative_bias };
      return { heads, context: inOne(fullAttentionBody(op, heads, { ...options, causal: false })) };
    };
    const [context] = op.If(
      op.Greater(sizeOf(op, input.query, 1), places),
      () => {
        const { heads, context } = attend((x) => op.Slice(x, [0], vector(op, places), [1]));
        const readers = (x: Value) =>
          splitHeads(
            op,
            op.Transpose(op.Slice(x, vector(op, places), [END], [1]), { perm: [1, 0, 2] }),
            options,
          );
        const own = {
          query: readers(input.query),
          key: readers(input.key),
          value: readers(input.value),
        };
        return [op.Concat(context, inOne(readerContext(op, input, own, heads, options)), { axis: 1 })];
      },
      () => [attend((x) => x).context],
    );
    return context;
  });
}

type ReaderInputs = {
  readonly [K in (typeof ATTENTION_INPUTS)[number] | (typeof READER_INPUTS)[number]]: Value;
} & { readonly relative_bias?: Value };

/** (batch, heads, length, head_dim). */
interface Projected {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/**
 * What readers see of themselves and of their rows' windows: (batch, heads, 1, head_dim). One softmax over all, in
 * float32.
 * @param own of length 1
 * @param windows a batch of windows
 */
function readerContext(
  op: Op,
  inputs: ReaderInputs,
  own: Projected,
  windows: Omit<Projected, "query">,
  heads: Heads,
): Value {
  const { row_windows: ofRow, window_places: place, place_bias: bias, relative_bias: relative } = inputs;
  const { numHeads } = heads;
  const most = sizeOf(op, ofRow, 1);
  const row = op.Div(place, most);
  const factor = op.Unsqueeze(inputs.reader_scale, [1, 2, 3]);
  const query = scale(op, own.query, heads);
  /** What is added to the scores of a row of heads and keys. */
  const biased = (scores: Value, by?: Value) => (by ? op.Add(scores, by) : scores);
  const wide = (x: Value) => op.Cast(x, { to: "F32" });
  // (heads, 1, places): of place 0 to the others.
  const distances = relative && wide(op.Slice(relative, [0], [1], [1]));

  const toSelf = op.Mul(wide(op.MatMul(query, transposeLast(op, own.key, 4))), factor);
  const products = wide(op.MatMul(op.Gather(query, row), transposeLast(op, windows.key, 4)));
  const placed = op.Add(op.Mul(products, op.Gather(factor, row)), op.Unsqueeze(bias, [1, 2]));
  const scores = byRow(op, biased(placed, distances), ofRow, HIDDEN);
  const self = biased(toSelf, distances && op.Slice(distances, [0], [1], [2]));
  const all = op.Concat(self, inOneRow(op, scores, numHeads), { axis: 3 });
  const weights = op.CastLike(op.Softmax(all, { axis: -1 }), own.value);

  const ofSelf = op.Mul(op.Slice(weights, [0], [1], [3]), own.value);
  const ofWindows = op.Reshape(op.Slice(weights, [1], [END], [3]), vector(op, 0, numHeads, most, -1));
  const perWindow = op.Reshape(
    op.Transpose(ofWindows, { perm: [0, 2, 1, 3] }),
    vector(op, -1, numHeads, 1, sizeOf(op, bias, 1)),
  );
  const contexts = op.MatMul(op.Gather(perWindow, place), windows.value);
  return op.Add(ofSelf, op.ReduceSum(byRow(op, contexts, ofRow, 0), [1], { keepdims: 0 }));
}

/** (batch, most, heads, 1, places) → (batch, heads, 1, most · places). */
function inOneRow(op: Op, x: Value, numHeads: number): Value {
  return op.Reshape(op.Transpose(x, { perm: [0, 2, 3, 1, 4] }), [0, numHeads, 1, -1]);
}

/**
 * What belongs to windows by the rows that these are of: (batch, most, …), `none` for those that a row lacks.
 * @param x (windows, …)
 * @param ofRow as `row_windows`
 */
export function byRow(op: Op, x: Value, ofRow: Value, none: number): Value {
  const shape = op.Concat([1], op.Shape(x, { start: 1 }), { axis: 0 });
  return op.Gather(op.Concat(x, op.Expand(op.scalarLike(none, x), shape), { axis: 0 }), ofRow);
}
