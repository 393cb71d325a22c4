import type { Op, Value } from "../../body.js";
import { type Heads, sizeOf, splitHeads, vector } from "../attend.js";
import { HIDDEN } from "../masks.js";
import type { GlobalKeys } from "./inputs.js";

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
  const most = op.Max(op.ReduceMax(counts, { keepdims: 0 }), 1);
  const index = op.Where(isGlobal, op.Range(0, length, 1), length);
  const [first] = op.TopK(index, op.Reshape(most, [1]), { axis: 1, largest: 0, sorted: 1 });
  return first;
}

/** Where each token's context is in the rows of [window contexts | global contexts]. */
export interface GlobalTokens extends GlobalKeys {
  /** int64 (batch, length): an index into all rows' (batch · (length + globals)) contexts. */
  readonly source: Value;
}

/**
 * Global tokens as keys, by their ordinary projections.
 * @param key (batch, length, heads · head_dim), also `value`
 * @param index (batch, globals); from `length` on: a filler
 */
export function globalTokens(
  op: Op,
  { key, value, index }: { readonly key: Value; readonly value: Value; readonly index: Value },
  heads: Heads,
): GlobalTokens {
  const [batch, length, count] = [sizeOf(op, key, 0), sizeOf(op, key, 1), sizeOf(op, index, 1)];
  const isToken = op.Less(index, length);
  const row = op.Unsqueeze(op.Range(0, batch, 1), [1]);
  const position = op.Add(op.Min(index, op.Sub(length, 1)), op.Mul(row, length));
  const pick = (x: Value) => {
    const tokens = op.Reshape(x, [-1, heads.numHeads * heads.headDim]);
    return splitHeads(op, op.Gather(tokens, position), heads);
  };

  const total = op.Add(length, count);
  const all = op.Range(0, op.Mul(batch, total), 1);
  const offset = op.Mul(row, total);
  const own = op.Add(op.Range(length, total, 1), offset);
  // A filler's place is its own, where no token looks: no place is written twice.
  const place = op.Where(isToken, op.Add(index, offset), own);
  const source = op.ScatterND(all, op.Reshape(place, [-1, 1]), op.Reshape(own, [-1]));
  const ofTokens = (x: Value) =>
    op.Slice(op.Reshape(x, vector(op, batch, total)), [0], op.Reshape(length, [1]), [1]);
  return {
    key: pick(key),
    value: pick(value),
    bias: op.Where(isToken, op.scalarLike(0, key), op.scalarLike(HIDDEN, key)),
    isGlobal: ofTokens(op.Greater(source, all)),
    source: ofTokens(source),
  };
}
