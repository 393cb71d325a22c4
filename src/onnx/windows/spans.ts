import type { WindowsConfig } from "../../attention/windows.js";
import type { Op, Value } from "../body.js";
import { sizeOf } from "../functions/attend.js";

/** Of each row what lies between its first and its last token: other padding does not exist. (batch), int64. */
export interface Spans {
  /** The column of its first token. */
  readonly first: Value;
  /** Columns from there to its last one, both counted. */
  readonly count: Value;
}

/** The spans of rows; up to one window a batch is read as it lies. @param mask int64 (batch, length) */
export function spansOf(op: Op, mask: Value, { window_size: size }: WindowsConfig): Spans {
  const length = sizeOf(op, mask, 1);
  const column = op.Range(0, length, 1);
  const hidden = op.Equal(mask, 0);
  const reduce = { axes: [1], keepdims: 0 };
  const first = op.ReduceMin(op.Where(hidden, length, column), reduce);
  const last = op.ReduceMax(op.Where(hidden, -1, column), reduce);
  const fits = op.LessOrEqual(length, size);
  // A row without a token is one hidden token, its last column.
  return {
    first: op.Where(fits, 0, op.Min(first, op.Sub(length, 1))),
    count: op.Where(fits, length, op.Max(op.Add(op.Sub(last, first), 1), 1)),
  };
}
