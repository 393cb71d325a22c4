import { formatNumber } from "../../report/numbers.js";
import { counted, largestAt, lengthsUpTo } from "../../report/words.js";
import { judge, type Outcome } from "../attempt.js";
import { type Difference, excess, toleranceFor } from "./difference.js";

/** A difference between two ways to compute the same, at one length. */
export interface DifferenceFound {
  /** Tokens. */
  readonly length: number;
  readonly difference: Difference;
}

export interface Judgement<T extends DifferenceFound = DifferenceFound> {
  /** What may be left of a difference; by default what float32 leaves. */
  readonly tolerance?: (found: Difference) => number;
  /** Behind "10 lengths up to 4096": ", 3 rows each". */
  readonly what?: string;
  /** What a figure is: "difference". */
  readonly measure?: string | undefined;
  /** A finding's sentence; by default its figure. */
  readonly describe?: (found: T) => string;
  readonly remedy: string;
}

/** Passes where every difference is small enough; the figure is the one that comes nearest to its limit, or is most beyond. */
export function judgeByLength<T extends DifferenceFound>(
  found: readonly T[],
  { tolerance = toleranceFor, what = "", measure, describe = figureOf, remedy }: Judgement<T>,
): Outcome {
  const ranked = found
    .map((one) => ({ ...one, excess: excess(one.difference, tolerance(one.difference)) }))
    .sort((a, b) => b.excess - a.excess);
  const [worst] = ranked;
  if (!worst) return { verdict: "skipped", detail: "there was no length to look at" };
  const limit = tolerance(worst.difference);
  const lengths = [...new Set(found.map(({ length }) => length))].sort((a, b) => a - b);
  const detail = `${lengthsUpTo(lengths)}${what}: ${largestAt(worst.difference.largest, worst.length, measure)}`;
  const failed = ranked.filter((one) => one.excess > 1).sort((a, b) => a.length - b.length);
  const tooLarge = `, allowed ${formatNumber(limit)}; too large at ${counted(new Set(failed.map(({ length }) => length)).size, "length")}`;
  return {
    ...judge(failed.map(describe), detail, detail + tooLarge, remedy),
    figure: { value: worst.difference.largest, tolerance: limit, length: worst.length },
  };
}

function figureOf({ length, difference }: DifferenceFound): string {
  return `${counted(length, "token")}: ${formatNumber(difference.largest)}`;
}
