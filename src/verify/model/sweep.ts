import type { Outcome } from "../attempt.js";
import { formatNumber } from "../report/numbers.js";
import { largestAt, lengthsUpTo } from "../words.js";
import { makeBatch } from "./batch.js";
import { type Difference, difference, tokensOf, toleranceFor } from "./difference.js";
import { sweepLengths } from "./lengths.js";
import type { Subject } from "./subject.js";

interface Seen {
  readonly length: number;
  readonly difference: Difference;
  readonly finite: boolean;
}

/**
 * Runs the converted model around the borders of blocks up to its longest input. Every number must be finite, and
 * a row the same alone as in a batch of two: the shorter half of the lengths beside the longer half, so that
 * short rows stand behind padding that takes them across borders.
 */
export async function checkSweep(subject: Subject): Promise<Outcome> {
  const { converted, lsg, inputs, seed, signal } = subject;
  const lengths = sweepLengths(lsg, converted.longest, subject.lengths);
  const half = Math.floor(lengths.length / 2);
  const seen: Seen[] = [];
  for (const [i, longer] of lengths.slice(half).entries()) {
    signal?.throwIfAborted();
    const rows = [lengths[i % Math.max(1, half)] ?? longer, longer].map((length, row) =>
      inputs.random(length, seed + length + row),
    );
    const together = await converted.hidden(makeBatch(rows, inputs.padId));
    for (const [row, one] of rows.entries()) {
      const alone = await converted.hidden(makeBatch([one], inputs.padId));
      const beside = tokensOf(together, row, 0, one.ids.length);
      const finite = together.values.every(Number.isFinite);
      seen.push({ length: one.ids.length, difference: difference(alone.values, beside), finite });
    }
  }
  const bad = seen.filter((one) => !one.finite || one.difference.largest > toleranceFor(one.difference));
  const worst = seen.reduce((a, b) => (a.difference.largest >= b.difference.largest ? a : b));
  const figure = {
    value: worst.difference.largest,
    tolerance: toleranceFor(worst.difference),
    length: worst.length,
  };
  const detail = `${lengthsUpTo(lengths)}: ${largestAt(figure.value, figure.length)}`;
  if (bad.length === 0) return { verdict: "pass", detail: `all finite at ${detail}`, figure };
  return {
    verdict: "fail",
    detail,
    figure,
    findings: bad.map(({ length, difference: { largest }, finite }) =>
      finite
        ? `${length} tokens: a row alone and the same row in a batch differ by ${formatNumber(largest)}`
        : `${length} tokens: outputs are not finite`,
    ),
    remedy: "Do not use the model at these lengths; convert again.",
  };
}
