import type { Op, Value } from "../../body.js";
import { type Heads, sizeOf, splitHeads, vector } from "../attend.js";
import { HIDDEN } from "../masks.js";
import { rowNumbers, tokensAt } from "./global-index.js";
import type { GlobalKeys } from "./inputs.js";

export interface GlobalTokens extends GlobalKeys {
  /**
   * int64 (batch, length): where each token's context is when those of every row stand in one list, first of its
   * tokens in their windows, then of its global tokens.
   */
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
  const [batch, length] = [sizeOf(op, key, 0), sizeOf(op, key, 1)];
  const isToken = op.Less(index, length);
  const total = op.Add(length, sizeOf(op, index, 1));
  const all = op.Range(0, op.Mul(batch, total), 1);
  const rowStart = op.Mul(rowNumbers(op, key), total);
  const own = op.Add(op.Range(length, total, 1), rowStart);
  // A filler's place is its own, where no token looks: no place is written twice.
  const place = op.Where(isToken, op.Add(index, rowStart), own);
  const source = op.ScatterND(all, op.Reshape(place, [-1, 1]), op.Reshape(own, [-1]));
  const ofTokens = (x: Value) =>
    op.Slice(op.Reshape(x, vector(op, batch, total)), [0], op.Reshape(length, [1]), [1]);
  return {
    key: splitHeads(op, tokensAt(op, key, index), heads),
    value: splitHeads(op, tokensAt(op, value, index), heads),
    bias: op.Where(isToken, op.scalarLike(0, key), op.scalarLike(HIDDEN, key)),
    isGlobal: ofTokens(op.Greater(source, all)),
    source: ofTokens(source),
  };
}
