import { counted, formatNumber } from "../../report/numbers.js";
import { makeBatch } from "../../runtime/batch.js";
import { sweepLengths } from "../../runtime/lengths.js";
import { tokensOf } from "../../runtime/tensors.js";
import type { Outcome } from "../check.js";
import { type DifferenceFound, difference, judgeByLength } from "./difference.js";
import type { Subject } from "./subject.js";

/**
 * Runs the converted model around the borders of blocks up to its longest input. Every number must be finite, and
 * a row the same alone as in a batch of two: the shorter half of the lengths beside the longer half, so that
 * short rows stand behind padding that takes them across borders.
 */
export async function checkSweep(subject: Subject): Promise<Outcome> {
  const { converted, attention, inputs, seed, signal } = subject;
  const lengths = sweepLengths(attention, converted.longest, subject.lengths);
  const half = Math.floor(lengths.length / 2);
  const seen: DifferenceFound[] = [];
  const broken = new Set<number>();
  for (const [i, longer] of lengths.slice(half).entries()) {
    signal?.throwIfAborted();
    const rows = [lengths[i % Math.max(1, half)] ?? longer, longer].map((length, row) =>
      inputs.random(length, seed + length + row),
    );
    const { hidden: together } = await converted.encode(makeBatch(rows, inputs.padId));
    for (const [row, one] of rows.entries()) {
      const { hidden: alone } = await converted.encode(makeBatch([one], inputs.padId));
      const beside = tokensOf(together, row, 0, one.ids.length);
      seen.push({ length: one.ids.length, difference: difference(alone.values, beside) });
      if (!together.values.every(Number.isFinite)) broken.add(one.ids.length);
    }
  }
  const outcome = judgeByLength(seen, {
    describe: ({ length, difference: { largest } }) =>
      `${counted(length, "token")}: a row alone and the same row in a batch differ by ${formatNumber(largest)}`,
    remedy: "Do not use the model at these lengths; convert again.",
  });
  if (broken.size === 0) return { ...outcome, detail: `all finite at ${outcome.detail}` };
  const findings = [...broken].map((length) => `${counted(length, "token")}: outputs are not finite`);
  return { ...outcome, verdict: "fail", findings: [...findings, ...(outcome.findings ?? [])] };
}
