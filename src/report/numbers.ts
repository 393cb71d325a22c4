/** Significant digits where nothing asks for more: 2.4e-6, 0.998, 12.3. */
const DIGITS = { scientific: 2, plain: 3 };

/** From here on, and below the reciprocal of its thousandth, a number is written with an exponent. */
const MILLION = 1e6;
const THOUSANDTH = 1e-3;

/** A double has no more. */
const MAX_DIGITS = 17;

/**
 * A number as a report shows it, everywhere alike: `2.4e-6`, `0.0123`, `12.3`, `4096`, `NaN`. Whole numbers
 * below a million stay whole. What is not 1 does not look like 1: a cosine of 0.99996 keeps its digits.
 * @param more significant digits beyond the usual ones
 */
export function formatNumber(value: number, more = 0): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && size < MILLION) return String(value + 0);
  if (size < THOUSANDTH || size >= MILLION) return toExponential(value, DIGITS.scientific + more);
  const toNines = size < 1 ? Math.ceil(-Math.log10(1 - size)) + 1 : 0;
  const whole = Math.ceil(Math.log10(size));
  const digits = Math.max(DIGITS.plain, toNines, whole) + more;
  return String(Number(value.toPrecision(Math.min(digits, MAX_DIGITS))));
}

/**
 * A number beside the limit that it is measured against. Two numbers that differ look different: 1.0004e-4
 * against 1e-4 does not read as if it had met it.
 */
export function formatAgainst(value: number, limit: number): string {
  const limitText = formatNumber(limit);
  for (let more = 0; more < MAX_DIGITS; more++) {
    const text = formatNumber(value, more);
    if (text !== limitText || Object.is(value, limit)) return text;
  }
  return String(value);
}

/** Without trailing zeros: 1e-4, not 1.0e-4. */
function toExponential(value: number, digits: number): string {
  const text = value.toExponential(Math.min(digits, MAX_DIGITS) - 1);
  return text.replace(/\.?0+e/, "e").replace("e+", "e");
}

/** "1 length", "2 lengths", "2 queries". */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun.replace(/(?<![aeiou])y$/, "ie")}s`}`;
}

/** "10 lengths up to 4096". @param lengths ascending */
export function lengthsUpTo(lengths: readonly number[]): string {
  return `${counted(lengths.length, "length")} up to ${lengths.at(-1)}`;
}

/** "largest difference 2.4e-6 at 512 tokens". */
export function largestAt(value: number, length: number, what = "difference"): string {
  return value === 0 ? `no ${what}` : `largest ${what} ${formatNumber(value)} at ${counted(length, "token")}`;
}
