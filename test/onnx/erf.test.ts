import { expect, test } from "vitest";
import { erf } from "../../src/verify/definition/modules.js";

/** Values of scipy.special.erf. */
const VALUES: readonly (readonly [number, number])[] = [
  [0, 0],
  [1e-9, 1.128379167e-9],
  [0.5, 0.5204998778130465],
  [-1, -0.8427007929497148],
  [2.5, 0.999593047982555],
  [5.9, 1],
  [40, 1],
];

test.each(VALUES)("erf(%d)", (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThanOrEqual(1e-15);
});
