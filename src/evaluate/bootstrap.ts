import { seededUniform } from "../base/random.js";
import type { Estimate } from "./metrics/metric.js";

/** A figure with the interval in which a bootstrap has 95 of 100 values; NaN for none. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Samples: the ends of an interval of 95 % stand at the 50th and 1950th of them. */
const SAMPLES = 2000;

/** Below so many units a bootstrap's intervals are too narrow to say anything. */
export const LEAST_UNITS = 10;

/**
 * How often each unit is drawn in each sample of as many units as there are, with replacement (Efron 1979). The same for
 * the same seed on every machine, so that several estimates are made of the same samples: their differences are paired.
 * @param units the places of the units that are drawn from
 * @param count of all units, which is the length of each sample
 */
export function* bootstrapSamples(
  units: readonly number[],
  count: number,
  seed: number,
): Generator<Uint32Array> {
  const uniform = seededUniform(seed);
  for (let sample = 0; sample < SAMPLES; sample++) {
    const weights = new Uint32Array(count);
    for (let draw = 0; draw < units.length; draw++) {
      const unit = units[Math.floor(uniform() * units.length)] as number;
      weights[unit] = (weights[unit] ?? 0) + 1;
    }
    yield weights;
  }
}

/**
 * Figures of some units with percentile intervals, and their paired differences: the same samples for all.
 * @param units the places of those that count
 */
export function bootstrap(
  estimates: readonly Estimate[],
  units: readonly number[],
  { count, seed }: { readonly count: number; readonly seed: number },
): { readonly values: readonly Interval[]; difference(of: number, to: number): Interval } {
  const once = new Uint8Array(count);
  for (const unit of units) once[unit] = 1;
  const points = estimates.map((estimate) => estimate(once));
  const drawn = estimates.map(() => new Float64Array(SAMPLES));
  let sample = 0;
  for (const weights of bootstrapSamples(units, count, seed)) {
    estimates.forEach((estimate, i) => {
      (drawn[i] as Float64Array)[sample] = estimate(weights);
    });
    sample++;
  }
  const at = (i: number) => drawn[i] ?? new Float64Array();
  return {
    values: points.map((value, i) => intervalOf(value, at(i))),
    difference: (of, to) =>
      intervalOf(
        (points[of] ?? Number.NaN) - (points[to] ?? Number.NaN),
        at(of).map((value, i) => value - (at(to)[i] ?? Number.NaN)),
      ),
  };
}

/** Samples in which a figure is not defined (no unit of a class among them) do not count. */
function intervalOf(value: number, samples: Float64Array): Interval {
  const sorted = samples.filter((sample) => !Number.isNaN(sample)).sort();
  const quantile = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { value, low: quantile(0.025), high: quantile(0.975) };
}
