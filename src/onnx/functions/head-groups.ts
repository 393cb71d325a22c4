import type { Op, Value } from "../body.js";
import { sizeOf, vector } from "./attend.js";

/**
 * Keys that a token sees in the heads that are computed at a time. Scores are the largest tensors by far: those of a
 * few heads are still in a processor's cache when softmax and the next product read them, and the next heads use the
 * same memory. In ONNX Runtime a BERT base with 12 heads of 784 keys or 656 takes 3 % less time at 4096 tokens with two
 * heads at a time than with all at once, and a third less memory at 16,384. Where windows are small, a few heads are
 * mostly overhead.
 */
const KEYS_AT_A_TIME = 1024;

/**
 * Parts of a tensor that one node takes apart or puts together: WebGPU guarantees a shader eight buffers, and the whole
 * is one of them. ONNX Runtime's own cut of a Concat of more is not in all versions that browsers have, and it cuts no
 * Split.
 */
const MOST_PARTS = 7;

/** The contexts of global tokens are put together with the groups'. */
const MOST_GROUPS = MOST_PARTS - 1;

/** How many heads are computed at a time, in their order. @param columns keys that a token sees in a head */
export function headGroups(numHeads: number, columns: number): number[] {
  const wished = Math.ceil(numHeads / Math.max(1, Math.floor(KEYS_AT_A_TIME / columns)));
  const size = Math.ceil(numHeads / Math.min(wished, MOST_GROUPS));
  return Array.from({ length: Math.ceil(numHeads / size) }, (_, i) => Math.min(size, numHeads - i * size));
}

/** The part of each group of heads. @param axis of x that has all heads */
export function byHeads(op: Op, x: Value, groups: readonly number[], axis: number): Value[] {
  return groups.length === 1 ? [x] : op.Split(x, groups, { axis });
}

/** The other way: all heads of any number of parts. @param axis of each part that has its heads */
export function joinHeads(op: Op, parts: readonly Value[], axis: number): Value {
  const [first, ...others] = parts.slice(0, MOST_PARTS) as [Value, ...Value[]];
  const joined = others.length === 0 ? first : op.Concat(first, ...others, { axis });
  const left = parts.slice(MOST_PARTS);
  return left.length === 0 ? joined : joinHeads(op, [joined, ...left], axis);
}

/**
 * What the blocks of a group of heads, given by its place, see of x: (batch, heads, blocks, columns, width).
 * @param x (batch, all heads, rows, width)
 * @param rows (blocks, columns) of x
 */
export function windowsByHeads(
  op: Op,
  x: Value,
  rows: Value,
  groups: readonly number[],
): (group: number) => Value {
  // Heads stand one after the other: a gather from there needs no copy of some heads' rows.
  const numHeads = groups.reduce((sum, count) => sum + count);
  const head = op.Unsqueeze(op.Range(0, numHeads, 1), [1, 2]);
  const ofAll = op.Add(op.Mul(head, sizeOf(op, x, 2)), rows);
  const flat = op.Reshape(x, vector(op, 0, -1, sizeOf(op, x, 3)));
  const own = byHeads(op, ofAll, groups, 0);
  return (group) => op.Gather(flat, own[group] as Value, { axis: 1 });
}
