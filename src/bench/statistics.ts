import type { Comparison, Measurement, Spread } from "./types.js";

/** @throws RangeError without values */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => {
    const value = sorted.at(index);
    if (value === undefined) throw new RangeError("nothing was measured");
    return value;
  };
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(-1) };
}

/**
 * Which of two graphs costs less. Between measured lengths both are taken for powers of the length, as straight lines
 * on logarithmic axes: of time and memory they are nearly that.
 */
export function compareCosts(
  model: readonly Measurement[],
  alternative: readonly Measurement[],
  costOf: (at: Measurement) => number,
): Comparison {
  const leads = model.flatMap((own) => {
    const other = alternative.find(({ length }) => length === own.length);
    return other ? [{ length: own.length, lead: Math.log(costOf(other) / costOf(own)) }] : [];
  });
  const last = leads.at(-1);
  if (!last || last.lead === 0) return { crossing: null, ahead: null };
  const ahead = last.lead > 0 ? "model" : "alternative";
  const behind = leads.findLastIndex(({ lead }) => Math.sign(lead) !== Math.sign(last.lead));
  const [before, after] = [leads[behind], leads[behind + 1]];
  if (!before || !after) return { crossing: null, ahead };
  const share = before.lead / (before.lead - after.lead);
  return { crossing: Math.round(before.length * (after.length / before.length) ** share), ahead };
}
