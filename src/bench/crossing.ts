import type { Measurement } from "./types.js";

/**
 * The length from which on one graph costs less than the other, or more: where the lines between the measured points
 * cross for the last time.
 * @returns undefined where one is ahead at every length that both were measured at
 */
export function crossing(
  ours: readonly Measurement[],
  theirs: readonly Measurement[],
  cost: (at: Measurement) => number,
): number | undefined {
  const gaps = ours.flatMap((own) => {
    const other = theirs.find(({ length }) => length === own.length);
    return other ? [{ length: own.length, gap: cost(own) - cost(other) }] : [];
  });
  for (let i = gaps.length - 1; i > 0; i--) {
    const [before, after] = [gaps[i - 1], gaps[i]];
    if (!before || !after || Math.sign(before.gap) === Math.sign(after.gap)) continue;
    const share = before.gap / (before.gap - after.gap);
    return Math.round(before.length + share * (after.length - before.length));
  }
  return undefined;
}
