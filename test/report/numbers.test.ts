import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAgainst, formatNumber } from "../../src/report/numbers.js";

describe("formatNumber", () => {
  test.each([
    [0, "0"],
    [-0, "0"],
    [2.43e-6, "2.4e-6"],
    [1e-4, "1e-4"],
    [9.99e-4, "1e-3"],
    [0.001, "0.001"],
    [0.012345, "0.0123"],
    [12.345, "12.3"],
    [631.7, "632"],
    [4096, "4096"],
    [999_999, "999999"],
    [123_456_789, "1.2e8"],
    [-7.6543, "-7.65"],
    [1.75e308, "1.8e308"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ])("%s is %s", (value, text) => expect(formatNumber(value)).toBe(text));

  test.each([
    [0.99996, "0.99996"],
    [0.9995, "0.9995"],
    [0.999999999, "0.999999999"],
    [0.5, "0.5"],
  ])("a cosine of %s is not rounded to 1", (value, text) => expect(formatNumber(value)).toBe(text));

  test("is within five per cent of the number, whatever the number", () => {
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
        fc.pre(Math.abs(value) < 1e300);
        const read = Number(formatNumber(value));
        expect(Math.abs(read - value)).toBeLessThanOrEqual(0.05 * Math.abs(value));
        if (value < 1) expect(read).toBeLessThan(1);
      }),
    );
  });
});

describe("formatAgainst", () => {
  test.each([
    [1.0004e-4, 1e-4, "1.0004e-4"],
    [3e-6, 1e-4, "3e-6"],
    [1e-4, 1e-4, "1e-4"],
    [512.004, 512, "512.004"],
    [Number.NaN, 1e-4, "NaN"],
  ])("%s against %s is %s", (value, limit, text) => expect(formatAgainst(value, limit)).toBe(text));

  test("two numbers that differ look different", () => {
    const number = fc.double({ min: 1e-12, max: 1e12, noNaN: true });
    const nudge = fc.double({ min: 1e-12, max: 1e-3, noNaN: true });
    fc.assert(
      fc.property(number, nudge, (limit, by) => {
        const value = limit * (1 + by);
        fc.pre(value !== limit);
        expect(formatAgainst(value, limit)).not.toBe(formatNumber(limit));
      }),
    );
  });
});
