import type { Model } from "../../model/model.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { decoderHeads } from "../../onnx/decoder.js";
import { crossAttention, decoderSelfAttention } from "../../onnx/functions/decoder-attention.js";
import { formatNumber } from "../../report/numbers.js";
import type { Outcome } from "../check.js";
import { checkDecoderOp } from "./check-decoder-op.js";
import type { OpCheck } from "./check-op.js";
import { proofOf } from "./variants.js";

/** An attention op, and what to call it in a report. */
export interface NamedOp {
  readonly label: string;
  readonly attention: OnnxFunction;
}

/** The attention ops that a model's graphs are built of. */
export function opsOf(check: OpCheck): NamedOp[] {
  return [...proofOf(check.attention).encoderOps(check), ...decoderOps(check.model)].map((op) => ({
    label: op.name,
    attention: op,
  }));
}

/**
 * Compares attention ops with their definitions, one after the other, up to the first that falls short. What has
 * the name of a decoder's op must be that; anything else the encoder's.
 * @param ops at least one
 */
export async function checkOps(ops: readonly NamedOp[], check: OpCheck): Promise<Outcome> {
  const decoding = new Set(decoderOps(check.model).map(({ name }) => name));
  const passed: (Outcome & { readonly label: string })[] = [];
  for (const { label, attention } of ops) {
    const look = decoding.has(attention.name) ? checkDecoderOp : proofOf(check.attention).checkOp;
    const outcome = await look(attention, check);
    if (ops.length === 1) return outcome;
    if (outcome.verdict === "fail") return { ...outcome, detail: `${label}: ${outcome.detail}` };
    passed.push({ ...outcome, label });
  }
  const worst = passed.reduce((a, b) => ((a.figure?.value ?? 0) >= (b.figure?.value ?? 0) ? a : b));
  const each = passed.map(({ label: of, figure }) => `of ${of} ${formatNumber(figure?.value ?? 0)}`);
  const detail = `largest relative difference ${each.join(", ")}`;
  return { verdict: "pass", detail, ...(worst.figure && { figure: worst.figure }) };
}

function decoderOps(model: Model): OnnxFunction[] {
  if (!model.architecture.decoder) return [];
  const heads = decoderHeads(model);
  return [decoderSelfAttention(heads), crossAttention(heads)];
}
