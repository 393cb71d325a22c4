import type { FloatDtype } from "../../safetensors/dtype.js";
import type { Op, Value } from "../body.js";

/**
 * What is added to the score of a hidden key: its weight becomes exactly 0 in every float dtype.
 * Finite and well inside fp16's range, so that a row in which every key is hidden still has a softmax, and
 * a key that is hidden several times over, with a score beside it, cannot overflow; −inf would give NaN in both cases.
 */
export const HIDDEN = -1e4;

/** What an attention mask says of keys. */
export interface KeyMask {
  /** Tokens before the first column of the attention mask, which no mask hides. */
  readonly prependedTokens: number;
  /** Hides the first token from every query, as `mask_first_token` asks. */
  readonly maskFirstToken: boolean;
}

/** Keys are the mask's tokens, and hidden only where it says so. */
export const WHOLE_MASK: KeyMask = { prependedTokens: 0, maskFirstToken: false };

/**
 * The form in which every attention op takes the mask, computed once per model.
 * @param attentionMask int64 (batch, length); 0 hides a token
 * @returns (batch, prependedTokens + length): 0 for a key that can be seen, `HIDDEN` for one that cannot
 */
export function keyBias(
  op: Op,
  attentionMask: Value,
  options: KeyMask & { readonly dtype: FloatDtype },
): Value {
  const visible = op.Cast(attentionMask, { to: "BOOL" });
  const unmasked = options.maskFirstToken ? op.And(visible, isLater(op, attentionMask)) : visible;
  const cast = (values: number[]) => op.Cast(op.constant("F32", values), { to: options.dtype });
  const bias = op.Where(unmasked, cast([0]), cast([HIDDEN]));
  return options.prependedTokens > 0 ? op.Pad(bias, [0, options.prependedTokens, 0, 0]) : bias;
}

/** (length): false for column 0 of `mask` alone. */
function isLater(op: Op, mask: Value): Value {
  const length = op.Gather(op.Shape(mask), 1);
  return op.Greater(op.Range(0, length, 1), 0);
}
