import fc from "fast-check";
import { expect, test } from "vitest";
import { differenceTable, isOver, worstOfEach } from "../../../src/verify/report/by-length.js";

test("thinning keeps the worst, in order, and no more than asked for", () => {
  const differences = fc.uniqueArray(
    fc.record({ length: fc.integer({ min: 1, max: 4096 }), difference: fc.double({ min: 0, noNaN: true }) }),
    { selector: ({ length }) => length },
  );
  fc.assert(
    fc.property(differences, fc.integer({ min: 1, max: 20 }), (points, most) => {
      const kept = worstOfEach(points, most, ({ difference }) => difference);
      expect(kept.length).toBeLessThanOrEqual(most);
      const worst = (list: typeof points) => Math.max(...list.map(({ difference }) => difference));
      expect(worst(kept)).toBe(worst(points));
      expect(kept.map(({ length }) => length)).toEqual(
        kept.map(({ length }) => length).sort((a, b) => a - b),
      );
      if (points.length <= most) expect(kept).toHaveLength(points.length);
    }),
  );
});

test.each([
  [{ length: 1, difference: 2, tolerance: 1 }, true],
  [{ length: 1, difference: 1, tolerance: 1 }, false],
  [{ length: 1, difference: Number.NaN, tolerance: 1 }, true],
  [{ length: 1, difference: 2 }, false],
])("%j is over its limit: %s", (at, over) => expect(isOver(at)).toBe(over));

test("a difference hardly over its limit does not look as if it met it", () => {
  expect(differenceTable([{ length: 7, difference: 1.0004e-4, tolerance: 1e-4 }]).rows).toEqual([
    ["7", "1.0004e-4", "1e-4"],
  ]);
});
