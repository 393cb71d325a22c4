import type { WindowsConfig } from "../../attention/windows.js";
import type { Op, Value } from "../body.js";
import { sizeOf } from "../functions/attend.js";
import type { FixedTokens } from "./fixed-tokens.js";
import type { Spans } from "./spans.js";

/**
 * Which tokens each window has, and which window gives each token: int64, but where it says so. Windows of all rows are
 * one batch, a row's beside each other.
 */
export interface WindowPlan extends Spans {
  /** (windows): whose each is. */
  readonly row: Value;
  /** (batch): how many each row has. */
  readonly counts: Value;
  /** (batch): the first of each row among all. */
  readonly base: Value;
  /** (batch, most): those of each row; behind its last one the number of all of them, which is none. */
  readonly ofRow: Value;
  /** (windows): the place of each in `ofRow`, row after row. */
  readonly place: Value;
  /** (windows, places): the place of each token in the batch, row after row. */
  readonly gather: Value;
  /** (windows, places), bool: whether a token of the row stands there; windows of short rows are filled up behind. */
  readonly isFilled: Value;
  /** (windows, places), bool: whether it is one that every window of the row repeats. */
  readonly isFixed: Value;
  /** (batch), bool: whether the first token is one of them. */
  readonly repeatsFirst: Value;
  /** (batch, length): the place from which each token is read, window after window. */
  readonly index: Value;
  /** Scalars: places of a window, and of all. */
  readonly size: Value;
  readonly total: Value;
}

/**
 * Lays windows over rows: evenly, so that the first begins and the last ends with its row, and neighbours share
 * `window_overlap` tokens at least, or half of what is between the fixed tokens. A token is read where it stands nearest
 * to the middle of a window.
 * @param mask int64 (batch, length)
 */
export function planWindows(
  op: Op,
  mask: Value,
  { first, count }: Spans,
  { head, tail }: FixedTokens,
  { window_size: longest, window_overlap: overlap }: WindowsConfig,
): WindowPlan {
  const length = sizeOf(op, mask, 1);
  const room = op.Sub(op.Sub(longest, head), tail);
  const step = op.Sub(room, op.Min(op.Div(room, 2), overlap));
  const excess = op.Max(op.Sub(count, longest), 0);
  const later = op.Div(op.Add(excess, op.Sub(step, 1)), step);
  const counts = op.Add(later, 1);
  const most = op.ReduceMax(counts, { keepdims: 0 });
  const base = op.Sub(op.CumSum(counts, 0), counts);
  const perRow = (x: Value) => op.Unsqueeze(x, [1]);

  const number = op.Range(0, most, 1);
  const gaps = op.Mul(op.Max(perRow(later), 1), 2);
  const start = op.Div(op.Add(op.Mul(op.Mul(perRow(excess), number), 2), perRow(later)), gaps);
  const starts = op.Reshape(start, [-1]);
  const exists = op.Less(number, perRow(counts));
  const place = op.Squeeze(op.NonZero(op.Reshape(exists, [-1])), [0]);
  const row = op.Div(place, most);
  const ofRow = op.Where(exists, op.Add(perRow(base), number), op.ReduceSum(counts, [0], { keepdims: 0 }));

  const size = op.Min(length, longest);
  const column = op.Range(0, size, 1);
  const perWindow = (x: Value) => perRow(op.Gather(x, row));
  const used = perWindow(op.Min(count, longest));
  const isHead = op.Less(column, perWindow(head));
  const isTail = op.GreaterOrEqual(column, op.Sub(used, perWindow(tail)));
  const shift = op.Where(isHead, 0, op.Where(isTail, perWindow(excess), perRow(op.Gather(starts, place))));
  const token = op.Add(op.Add(column, shift), perWindow(first));
  const gather = op.Add(op.Min(token, op.Sub(length, 1)), op.Mul(perRow(row), length));

  const offset = op.Sub(op.Range(0, length, 1), perRow(first));
  const doubled = op.Sub(op.Mul(op.Sub(offset, perRow(head)), 2), op.Sub(perRow(room), 1));
  const ahead = op.Add(op.Mul(doubled, perRow(later)), perRow(excess));
  const nearest = op.Div(op.Max(ahead, 0), op.Mul(op.Max(perRow(excess), 1), 2));
  const owner = op.Min(nearest, perRow(later));
  const rows = op.Range(0, sizeOf(op, mask, 0), 1);
  const ownStart = op.Gather(starts, op.Add(owner, op.Mul(perRow(rows), most)));
  const at = op.Max(op.Min(op.Sub(offset, ownStart), op.Sub(size, 1)), 0);
  return {
    ...{ first, count, row, counts, base, ofRow, place, gather, size },
    isFilled: op.Less(column, used),
    isFixed: op.Or(isHead, isTail),
    repeatsFirst: op.Greater(head, 0),
    index: op.Add(op.Mul(op.Add(owner, perRow(base)), size), at),
    total: op.Mul(sizeOf(op, row, 0), size),
  };
}
