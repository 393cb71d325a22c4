import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linearScale, logScale } from "../../src/report/line-chart.js";

describe("linearScale", () => {
  test.each([
    [
      [3, 7],
      [0, 2, 4, 6, 8],
    ],
    [[0.69], [0, 0.2, 0.4, 0.6, 0.8]],
    [[1000], [0, 200, 400, 600, 800, 1000]],
    [[], [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [[0], [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [
      [Number.NaN, Number.POSITIVE_INFINITY, 2],
      [0, 0.5, 1, 1.5, 2],
    ],
  ])("%j has ticks %j", (values, ticks) => expect(linearScale(values).ticks).toEqual(ticks));
});

describe("logScale", () => {
  test("powers of ten around the values", () => {
    const scale = logScale([2e-6, 1e-4], 10);
    expect(scale.ticks.map((tick) => tick.toExponential(1))).toEqual(["1.0e-6", "1.0e-5", "1.0e-4"]);
    expect(scale.position(1e-5)).toBeCloseTo(0.5);
  });

  test("zero has a row of its own below the others", () => {
    const scale = logScale([0, 1e-5, 1e-4], 10);
    expect(scale.ticks[0]).toBe(0);
    expect(scale.position(0)).toBe(0);
    expect(scale.position(1e-5)).toBeCloseTo(0.5);
    expect(scale.position(1e-4)).toBeCloseTo(1);
  });

  test("a single power stands in the middle", () => expect(logScale([512], 2).position(512)).toBe(0.5));
  test("no values at all", () => expect(logScale([], 10).ticks).toHaveLength(3));
  test("few labels over many powers", () => expect(logScale([1e-300, 1], 10).ticks.length).toBeLessThan(11));
});

test.each([
  ["linear", linearScale],
  ["log 2", (values: readonly number[]) => logScale(values, 2)],
  ["log 10", (values: readonly number[]) => logScale(values, 10)],
])("%s: every value lies on the axis, in order, and so does every tick", (_, scaleOf) => {
  const value = fc.oneof(fc.constant(0), fc.double({ min: 1e-12, max: 1e9, noNaN: true }));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (values) => {
      const { ticks, position } = scaleOf(values);
      for (const one of [...values, ...ticks]) {
        expect(position(one)).toBeGreaterThanOrEqual(0);
        expect(position(one)).toBeLessThanOrEqual(1 + 1e-9);
      }
      const sorted = [...values].sort((a, b) => a - b).map(position);
      expect(sorted).toEqual([...sorted].sort((a, b) => a - b));
      expect(ticks).toEqual([...ticks].sort((a, b) => a - b));
    }),
  );
});
