/** Digits behind the point that an interval has meaning for: two at least, more where half of it is smaller. */
export function digitsFor(half: number): number {
  return half > 0 ? Math.min(MAX_DIGITS, Math.max(MIN_DIGITS, -Math.floor(Math.log10(half)))) : MIN_DIGITS;
}

const MIN_DIGITS = 2;
const MAX_DIGITS = 6;

/** `.21 ± .06`. */
export function plusMinus(value: number, half: number): string {
  const digits = digitsFor(half);
  return `${short(value, digits)} ± ${short(half, digits)}`;
}

/** With its sign, which a difference of nothing has too. */
export function signed(value: number, digits: number): string {
  return `${value < 0 ? "−" : "+"}${short(Math.abs(value), digits)}`;
}

/** Without the zero before the point, as tables of shares are printed. */
function short(value: number, digits: number): string {
  return value.toFixed(digits).replace(/^(-?)0\./, "$1.");
}
