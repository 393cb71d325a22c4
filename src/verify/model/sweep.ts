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
 * Runs the converted model around the borders of blocks up to its longest input: every number must be finite,
 * and a row must be the same alone as in a batch with a longer row, behind padding.
 */
export async function checkSweep({
  converted,
  lsg,
  inputs,
  lengths,
  seed,
  signal,
}: Subject): Promise<Outcome> {
  const { longest } = converted;
  const seen: Seen[] = [];
  for (const length of sweepLengths(lsg, longest, lengths)) {
    signal?.throwIfAborted();
    const row = inputs.random(length, seed + length);
    const padded = Math.min(longest, length + lsg.block_size + 3);
    const alone = await converted.hidden(makeBatch([row], inputs.padId));
    const batch = makeBatch([row, inputs.random(padded, seed + length + 1)], inputs.padId);
    const beside = await converted.hidden(batch);
    seen.push({
      length,
      difference: difference(alone.values, tokensOf(beside, 0, 0, length)),
      finite: beside.values.every(Number.isFinite),
    });
  }
  const bad = seen.filter((one) => !one.finite || one.difference.largest > toleranceFor(one.difference));
  const worst = seen.reduce((a, b) => (a.difference.largest >= b.difference.largest ? a : b));
  const figure = {
    value: worst.difference.largest,
    tolerance: toleranceFor(worst.difference),
    length: worst.length,
  };
  const detail = `${lengthsUpTo(seen.map(({ length }) => length))}: ${largestAt(figure.value, figure.length)}`;
  if (bad.length === 0) return { verdict: "pass", detail: `all finite at ${detail}`, figure };
  return {
    verdict: "fail",
    detail,
    figure,
    findings: bad.map(({ length, difference: { largest }, finite }) =>
      finite
        ? `${length} tokens: a row alone and the same row in a padded batch differ by ${formatNumber(largest)}`
        : `${length} tokens: outputs are not finite`,
    ),
    remedy: "Do not use the model at these lengths; convert again.",
  };
}
