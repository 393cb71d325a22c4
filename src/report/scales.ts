/** Where a number stands along an axis: 0 at its beginning, 1 at its end. */
export interface Scale {
  /** Numbers worth a label, ascending. */
  readonly ticks: readonly number[];
  position(value: number): number;
}

/** More labels on an axis run into each other. */
const MAX_TICKS = 9;

/** From 0 to at least the largest of the values, in steps of 1, 2 or 5 times a power of ten. */
export function linearScale(values: readonly number[]): Scale {
  const largest = Math.max(0, ...values.filter(Number.isFinite)) || 1;
  const rough = largest / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const steps = Math.ceil(largest / step - 1e-9);
  const ticks = Array.from({ length: steps + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  return { ticks, position: (value) => value / (steps * step) };
}

/**
 * Between powers of `base`, with one to either side where all values are the same. Zero has no place on such a scale but is what one hopes for: where it is among the
 * values, it gets a row of its own, one step below the others.
 */
export function logScale(values: readonly number[], base: number): Scale {
  const exponents = values
    .filter((value) => value > 0 && Number.isFinite(value))
    .map((value) => log(value, base));
  const [first, last] = exponents.length > 0 ? [Math.min(...exponents), Math.max(...exponents)] : [0, 0];
  const isOne = Math.floor(first) === Math.ceil(last);
  const lowest = Math.floor(first) - (isOne ? 1 : 0);
  const highest = Math.ceil(last) + (isOne ? 1 : 0);
  const hasZero = values.includes(0);
  const start = hasZero ? lowest - 1 : lowest;
  const every = Math.ceil((highest - lowest) / MAX_TICKS);
  const powers = Array.from(
    { length: Math.floor((highest - lowest) / every) + 1 },
    (_, i) => base ** (lowest + i * every),
  );
  return {
    ticks: hasZero ? [0, ...powers] : powers,
    position: (value) => (value <= 0 ? 0 : (log(value, base) - start) / (highest - start)),
  };
}

/** Exact for powers of 2 and 10, so that a border value does not open another decade. */
function log(value: number, base: number): number {
  const exponent = base === 2 ? Math.log2(value) : Math.log10(value) / Math.log10(base);
  const rounded = Math.round(exponent);
  return Math.abs(exponent - rounded) < 1e-9 ? rounded : exponent;
}
