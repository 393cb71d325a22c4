/** Terms of the series; at |x| = 6 the last of them is below 1e-20. */
const TERMS = 160;

/** Beyond it erf is 1 to float64's rounding. */
const LIMIT = 6;

/**
 * The error function, by its Maclaurin series in the form whose terms are all of one sign:
 * erf x = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!.
 */
export function erf(x: number): number {
  if (Math.abs(x) > LIMIT) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; n < TERMS; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
