import type { Op, Value } from "../../body.js";
import { sizeOf } from "../attend.js";

/**
 * Where the global tokens of each row are, in order. Rows with fewer than others are filled up with `length`,
 * an index that no token has; there is at least one column, so that no axis is ever empty.
 * @param globalMask int64 (batch, length); not 0 for a global token
 * @param attentionMask the same shape; 0 hides a token, and hidden tokens are never global
 * @returns int64 (batch, globals)
 */
export function globalIndex(op: Op, globalMask: Value, attentionMask: Value): Value {
  const bool = (mask: Value) => op.Cast(mask, { to: "BOOL" });
  const isGlobal = op.And(bool(globalMask), bool(attentionMask));
  const length = sizeOf(op, globalMask, 1);
  const counts = op.ReduceSum(op.Cast(isGlobal, { to: "I64" }), [1]);
  const columns = op.Max(op.ReduceMax(counts, { keepdims: 0 }), 1);
  const index = op.Where(isGlobal, op.Range(0, length, 1), length);
  const [lowest] = op.TopK(index, op.Reshape(columns, [1]), { axis: 1, largest: 0, sorted: 1 });
  return lowest;
}

/**
 * The global tokens' rows: (batch, globals, width). The last token stands for fillers.
 * @param x (batch, length, width)
 * @param index (batch, globals), as `globalIndex` makes it
 */
export function tokensAt(op: Op, x: Value, index: Value): Value {
  const length = sizeOf(op, x, 1);
  const token = op.Min(index, op.Sub(length, 1));
  const tokens = op.Reshape(x, op.Concat([-1], op.Shape(x, { start: 2, end: 3 }), { axis: 0 }));
  return op.Gather(tokens, op.Add(token, op.Mul(rowNumbers(op, x), length)));
}

/** (batch, 1): 0, 1, … */
export function rowNumbers(op: Op, x: Value): Value {
  return op.Unsqueeze(op.Range(0, sizeOf(op, x, 0), 1), [1]);
}
