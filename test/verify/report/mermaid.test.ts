import { describe, expect, test } from "vitest";
import type { DifferenceAt } from "../../../src/verify/check.js";
import { mermaidDifferences, mermaidTimes } from "../../../src/verify/report/mermaid.js";

function lines(chart: string | undefined): string[] {
  return (chart ?? "").split("\n").filter((line) => /^ {2}(x-axis|y-axis|line)/.test(line));
}

describe("mermaidDifferences", () => {
  test("exponents of ten with the limit; 0 a power below the others; the rest in a chart of its own", () => {
    const [promised, others, ...more] = mermaidDifferences([
      { length: 512, difference: 1e-5, tolerance: 1e-4 },
      { length: 2, difference: 0, tolerance: 1e-4 },
      { length: 1024, difference: 0.1 },
      { length: 4096, difference: 1 },
    ]);
    expect(lines(promised)).toEqual([
      '  x-axis "tokens" ["2", "512"]',
      '  y-axis "largest difference: exponent of ten" -6 --> -4',
      "  line [-6.0000, -5.0000]",
      "  line [-4.0000, -4.0000]",
    ]);
    expect(lines(others)).toEqual([
      '  x-axis "tokens" ["1024", "4096"]',
      '  y-axis "largest difference: exponent of ten" -1 --> 0',
      "  line [-1.0000, 0.0000]",
    ]);
    expect(more).toEqual([]);
  });

  test.each<[string, DifferenceAt[]]>([
    ["no lengths", []],
    ["one length", [{ length: 1, difference: 1 }]],
    ["only zeros", [1, 2].map((length) => ({ length, difference: 0, tolerance: 1e-4 }))],
    ["NaN", [1, 2].map((length) => ({ length, difference: length > 1 ? Number.NaN : 1 }))],
    ["infinite", [1, 2].map((length) => ({ length, difference: length > 1 ? Number.POSITIVE_INFINITY : 1 }))],
  ])("no chart: %s", (_, differences) => expect(mermaidDifferences(differences)).toEqual([]));

  test("many lengths are thinned out, and the worst stays", () => {
    const differences = Array.from({ length: 100 }, (_, i) => ({
      length: i + 1,
      difference: i === 40 ? 1 : 1e-6,
    }));
    const [axis, , line] = lines(mermaidDifferences(differences)[0]);
    expect(axis?.match(/"\d+"/g)?.length).toBeLessThanOrEqual(16);
    expect(axis).toContain('"41"');
    expect(line).toContain(" 0.0000");
  });
});

describe("mermaidTimes", () => {
  test("seconds from 0 to the longest", () => {
    const costs = [2, 1].map((length) => ({ length, seconds: length / 8, megabytes: 1 }));
    expect(lines(mermaidTimes(costs)[0])).toEqual([
      '  x-axis "tokens" ["1", "2"]',
      '  y-axis "seconds" 0 --> 0.2500',
      "  line [0.1250, 0.2500]",
    ]);
  });

  test("no chart of one length, nor of a time that is not finite", () => {
    const cost = { length: 1, seconds: 1, megabytes: 1 };
    expect(mermaidTimes([cost])).toEqual([]);
    expect(mermaidTimes([cost, { ...cost, seconds: Number.NaN }])).toEqual([]);
  });
});
