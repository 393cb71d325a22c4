import type { Batch } from "../../runtime/batch.js";
import type { FloatTensor } from "../../runtime/session.js";
import type { Floats } from "../../safetensors/floats.js";

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

/** The larger of two findings. */
export function larger(a: Difference, b: Difference): Difference {
  return { largest: Math.max(a.largest, b.largest), scale: Math.max(a.scale, b.scale) };
}

/** Compares (batch, length, width) where a batch's rows are no padding. */
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
