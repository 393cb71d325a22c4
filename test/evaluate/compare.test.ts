import { expect, test } from "vitest";
import { seededNormal } from "../../src/base/random.js";
import { bootstrap } from "../../src/evaluate/bootstrap.js";
import { compare, groupsOf } from "../../src/evaluate/compare.js";
import { ratioOfSums } from "../../src/evaluate/metrics/metric.js";
import type { Figure } from "../../src/evaluate/tasks/job.js";

/** Every place below a number. */
const all = (count: number) => Array.from({ length: count }, (_, i) => i);

test("a mean's interval is that of its standard error, and the same for the same seed", () => {
  const normal = seededNormal(5);
  const values = all(400).map(() => normal() + 3);
  const of = (seed: number) => bootstrap([ratioOfSums(values)], all(400), { count: 400, seed }).values[0];
  const { value = 0, low = 0, high = 0 } = of(1) ?? {};
  const mean = values.reduce((a, b) => a + b) / 400;
  const deviation = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 400);
  expect(value).toBeCloseTo(mean, 12);
  // 2000 samples give each end of the interval to about 5 % of its distance.
  expect((high - low) / 2 / ((1.96 * deviation) / Math.sqrt(400))).toBeCloseTo(1, 1);
  expect(of(1)).toEqual(of(1));
  expect(of(2)).not.toEqual(of(1));
});

test("a difference is paired: what units have in common does not widen it", () => {
  const normal = seededNormal(6);
  const hard = all(100).map(() => 5 * normal());
  const [some, better] = [hard, hard.map((one) => one + 0.5 + 0.1 * normal())];
  const drawn = bootstrap([ratioOfSums(better), ratioOfSums(some)], all(100), { count: 100, seed: 1 });
  const { value, low, high } = drawn.difference(0, 1);
  expect(value).toBeCloseTo(0.5, 1);
  expect([low > 0.4, high < 0.6]).toEqual([true, true]);
  expect(drawn.values[0]?.low).toBeLessThan(drawn.values[1]?.high ?? 0);
});

test("lengths go up to the source's, twice, four and eight times as long, and beyond", () => {
  const groups = groupsOf([10, 512, 513, 1025, 5000, 99], 512);
  expect(groups.map(({ id, upTo, units }) => [id, upTo, units])).toEqual([
    ["all", undefined, [0, 1, 2, 3, 4, 5]],
    ["longer", undefined, [2, 3, 4]],
    ["length", 512, [0, 1, 5]],
    ["length", 1024, [2]],
    ["length", 2048, [3]],
    ["length", undefined, [4]],
  ]);
  expect(groupsOf([10, 20], 0)[1]?.units).toEqual([0, 1]);
});

test("differences are of the longer units alone, and nine of them decide nothing", () => {
  const figure = (values: readonly number[]): Figure => ({
    ...{ name: "accuracy", better: "higher", estimate: ratioOfSums(values) },
  });
  const decidedWith = (units: number) => {
    const lengths = all(units + 20).map((i) => (i < 20 ? 100 : 1000));
    const good = lengths.map((length) => (length > 512 ? 1 : 0));
    const figures = [[figure(lengths.map(() => 0))], [figure(good)]];
    return compare(figures, groupsOf(lengths, 512), { units: lengths.length, seed: 1 }).differences;
  };
  expect(decidedWith(10)).toEqual([
    {
      ...{ metric: 0, of: 1, to: 0, isDecided: true },
      interval: { value: 1, low: 1, high: 1 },
    },
  ]);
  expect(decidedWith(9)[0]?.isDecided).toBe(false);
});
