import { counted, formatNumber, largestAt, lengthsUpTo } from "../../report/numbers.js";
import type { Batch } from "../../runtime/batch.js";
import type { FloatTensor } from "../../runtime/tensors.js";
import type { Floats } from "../../safetensors/floats.js";
import { judge, type Outcome } from "../check.js";

/** How far two outputs lie apart. */
export interface Difference {
  /** The largest absolute difference; infinite where a value is not finite. */
  readonly largest: number;
  /** The largest absolute value that was expected. */
  readonly scale: number;
}

export const NO_DIFFERENCE: Difference = { largest: 0, scale: 0 };

/**
 * What float32 leaves open between two ways to compute the same model, for outputs of size 1. Measured: 2e-6 to
 * 2e-5 on real models; a wrong row of a table, block or mask moves outputs by 1e-3 and more.
 */
const FLOAT32_TOLERANCE = 1e-4;

/** The difference that is allowed. Rounding is relative: outputs of some hundreds carry so much more of it. */
export function toleranceFor({ scale }: Difference): number {
  return FLOAT32_TOLERANCE * Math.max(1, scale);
}

/** A difference as a multiple of what is allowed; infinite where something is not finite. */
export function excess(found: Difference, tolerance = toleranceFor(found)): number {
  return Number.isFinite(found.largest) ? found.largest / tolerance : Number.POSITIVE_INFINITY;
}

export function larger(a: Difference, b: Difference): Difference {
  return { largest: Math.max(a.largest, b.largest), scale: Math.max(a.scale, b.scale) };
}

/** Compares (batch, length, width) where a batch's rows are not padding. */
export function visibleDifference(
  expected: FloatTensor,
  actual: FloatTensor,
  { visible }: Batch,
): Difference {
  const [, length = 0, width = 0] = expected.dims;
  return visible
    .map(({ start, end }, row) => {
      const [from, to] = [(row * length + start) * width, (row * length + end) * width];
      return difference(expected.values.subarray(from, to), actual.values.subarray(from, to));
    })
    .reduce(larger, NO_DIFFERENCE);
}

/** Compares two runs of numbers. */
export function difference(expected: Floats, actual: Floats): Difference {
  let [largest, scale] = [0, 0];
  if (expected.length !== actual.length) return { largest: Number.POSITIVE_INFINITY, scale };
  for (let i = 0; i < expected.length; i++) {
    const [e, a] = [expected[i] as number, actual[i] as number];
    const distance = Math.abs(e - a);
    if (!(distance <= largest)) largest = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
    if (Math.abs(e) > scale && Number.isFinite(e)) scale = Math.abs(e);
  }
  return { largest, scale };
}

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

/** Passes where every difference is within its tolerance; the figure is the largest one relative to its tolerance. */
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
