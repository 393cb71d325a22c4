import type { Op, Value } from "../../body.js";
import { maskedAttention, sizeOf } from "../attend.js";
import { HIDDEN } from "../masks.js";
import type { WindowInputs } from "./inputs.js";

/**
 * Window attention as full attention under a mask: what short inputs take, where blocks would be mostly padding.
 * Global tokens are keys at their own places. (batch, heads, length, head_dim)
 */
export function shortAttention(inputs: WindowInputs): Value {
  const { op, query, bias, window, dilation } = inputs;
  const hidden = op.Unsqueeze(bias, [1, 2]);
  if (dilation > 1) return maskedAttention(op, inputs, bandMask(inputs, hidden), inputs);
  const [mask] = op.If(
    op.LessOrEqual(sizeOf(op, query, 2), window + 1),
    () => [hidden],
    () => [bandMask(inputs, hidden)],
  );
  return maskedAttention(op, inputs, mask, inputs);
}

/** (batch or 1, 1, length, length): the bias of keys in the window of a query and of global keys, else `HIDDEN`. */
function bandMask({ op, query, globals, window, dilation }: WindowInputs, hidden: Value): Value {
  const key = op.Range(0, sizeOf(op, query, 2), 1);
  const distance = op.Sub(key, op.Unsqueeze(key, [1]));
  const near = isWithin(op, distance, -window * dilation, window * dilation);
  const inWindow = dilation === 1 ? near : op.And(near, op.Equal(op.Mod(distance, dilation), 0));
  const seen = globals ? op.Or(inWindow, op.Unsqueeze(globals.isGlobal, [1, 2])) : inWindow;
  return op.Where(seen, hidden, op.scalarLike(HIDDEN, query));
}

/** Whether integers are from `lowest` to `highest`. */
export function isWithin(op: Op, x: Value, lowest: number | Value, highest: number | Value): Value {
  return op.And(op.GreaterOrEqual(x, lowest), op.LessOrEqual(x, highest));
}
