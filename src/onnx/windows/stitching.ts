import type { Merge } from "../../attention/windows.js";
import type { Op, Value } from "../body.js";
import type { Joining } from "../encoder.js";
import { narrowed, widened } from "../float-io.js";
import { sizeOf } from "../functions/attend.js";
import { byRow } from "../functions/reader-attention.js";
import type { ModelBuilder } from "../model-builder.js";
import type { WindowPlan } from "./plan.js";

/** What stands for a row's first token: one token of all, or what all windows make of theirs. */
export type FirstToken = "own" | Merge | "least";

/** What becomes of what each window of a row has. */
type Merging = Exclude<FirstToken, "own" | "reader">;

/**
 * How what windows give becomes what rows give: each token is read from the window that owns it.
 * @param first what stands for a row's first token among its tokens, and what heads read
 * @param merge what becomes of scores that each window has; a reader's are the row's
 */
export function stitching(
  builder: ModelBuilder,
  plan: WindowPlan,
  first: { readonly ofTokens: Exclude<FirstToken, "least">; readonly ofHeads: FirstToken },
  merge: Merge | "least",
): Joining {
  const { op } = builder;
  const { base, counts, index, repeatsFirst, row, size, total } = plan;
  const inRows = (x: Value) => op.Reshape(x, op.Concat([-1], op.Shape(x, { start: -1 }), { axis: 0 }));
  const isFirst = op.Equal(op.Range(0, sizeOf(op, index, 1), 1), op.Unsqueeze(plan.first, [1]));
  const inFirstWindow = op.Mul(base, size);
  /** (batch): the places of readers, and of the first tokens of rows that need none. */
  const ofReaders = () => {
    const behind = op.Add(op.Range(0, sizeOf(op, counts, 0), 1), total);
    return op.Where(op.And(op.Greater(counts, 1), repeatsFirst), behind, inFirstWindow);
  };
  /** (windows, width). */
  const ofWindows = (rows: Value) => op.Gather(rows, op.Mul(op.Range(0, sizeOf(op, row, 0), 1), size));
  const merged = (x: Value, by: Merging) => narrowed(builder, MERGED[by](op, widened(builder, x), plan));
  /** What all windows make of first tokens, or where these are not repeated the first window: (batch, width). */
  const mergedFirst = (x: Value, by: Merging) =>
    op.Where(op.Unsqueeze(repeatsFirst, [1]), merged(x, by), op.Gather(x, base));
  const stitched = (x: Value, by: FirstToken) => {
    const rows = inRows(x);
    if (by === "own") return op.Gather(rows, index);
    if (by === "reader") return op.Gather(rows, op.Where(isFirst, op.Unsqueeze(ofReaders(), [1]), index));
    const ofFirst = op.Unsqueeze(mergedFirst(ofWindows(rows), by), [1]);
    return op.Where(op.Unsqueeze(isFirst, [2]), ofFirst, op.Gather(rows, index));
  };
  return {
    tokens: (hidden) => stitched(hidden, first.ofTokens),
    answers: (scores) => stitched(scores, first.ofHeads),
    ofFirst(hidden, compute) {
      const rows = inRows(hidden);
      if (first.ofHeads === "own") return compute(op.Gather(rows, inFirstWindow));
      if (first.ofHeads === "reader") return compute(op.Gather(rows, ofReaders()));
      return mergedFirst(compute(ofWindows(rows)), first.ofHeads);
    },
    merged: (scores) => (merge === "reader" ? scores : merged(scores, merge)),
  };
}

/** What windows give in float32 (windows, width), merged over each row's own: (batch, width). */
const MERGED: Readonly<Record<Merging, (op: Op, x: Value, plan: WindowPlan) => Value>> = {
  mean: (op, x, plan) => op.Div(total(op, x, plan), counts(op, plan)),
  max: (op, x, { ofRow }) => op.ReduceMax(byRow(op, x, ofRow, Number.NEGATIVE_INFINITY), PER_ROW),
  least: (op, x, { ofRow }) => op.ReduceMin(byRow(op, x, ofRow, Number.POSITIVE_INFINITY), PER_ROW),
  logsumexp: (op, x, plan) => {
    const largest = MERGED.max(op, x, plan);
    const ratios = op.Exp(op.Sub(x, op.Gather(largest, plan.row)));
    return op.Add(largest, op.Log(op.Div(total(op, ratios, plan), counts(op, plan))));
  },
};

const PER_ROW = { axes: [1], keepdims: 0 };

/** The sum over a row's windows. */
function total(op: Op, x: Value, { ofRow }: WindowPlan): Value {
  return op.ReduceSum(byRow(op, x, ofRow, 0), [1], { keepdims: 0 });
}

/** (batch, 1): a row's windows. */
function counts(op: Op, plan: WindowPlan): Value {
  return op.Unsqueeze(op.Cast(plan.counts, { to: "F32" }), [1]);
}
