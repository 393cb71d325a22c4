import { describe, expect, test } from "vitest";
import { reachOf } from "../../src/bench/measure.js";
import { compareCosts, spreadOf } from "../../src/bench/statistics.js";
import type { Measurement } from "../../src/bench/types.js";
import { costLengths } from "../../src/runtime/lengths.js";

describe("spreadOf", () => {
  test.each([
    [[3], { median: 3, min: 3, max: 3 }],
    [[5, 1, 2], { median: 2, min: 1, max: 5 }],
    [[10, 9, 1, 2], { median: 5.5, min: 1, max: 10 }],
  ])("of %j", (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });

  test("of nothing is an error, not a figure", () => {
    expect(() => spreadOf([])).toThrow(RangeError);
  });
});

function costs(of: (length: number) => number, lengths = [512, 1024, 2048, 4096]): Measurement[] {
  return lengths.map((length) => {
    const median = of(length);
    return { length, seconds: { median, min: median, max: median }, tokens_per_second: 1, megabytes: 1 };
  });
}

describe("compareCosts", () => {
  const seconds = ({ seconds: { median } }: Measurement) => median;
  const linear = costs((length) => length);

  test("powers of the length cross exactly where they do, between the lengths that were measured", () => {
    expect(
      compareCosts(
        linear,
        costs((length) => length ** 2 / 1500),
        seconds,
      ),
    ).toEqual({
      crossing: 1500,
      ahead: "model",
    });
    expect(
      compareCosts(
        costs((length) => length ** 2 / 1500),
        linear,
        seconds,
      ),
    ).toEqual({
      crossing: 1500,
      ahead: "alternative",
    });
  });

  test("the last crossing counts: what is ahead behind it stays ahead", () => {
    const wavy = costs((length) => length * ({ 512: 2, 1024: 0.5, 2048: 0.5 }[length] ?? 2));
    expect(compareCosts(linear, wavy, seconds)).toEqual({ crossing: 2896, ahead: "model" });
  });

  test("one that is ahead at every length crosses nothing", () => {
    expect(
      compareCosts(
        linear,
        costs((length) => 3 * length),
        seconds,
      ),
    ).toEqual({
      crossing: null,
      ahead: "model",
    });
  });

  test("lengths that only one was measured at say nothing", () => {
    const short = costs((length) => length / 2, [512, 1024]);
    expect(compareCosts(linear, short, seconds)).toEqual({ crossing: null, ahead: "alternative" });
    expect(
      compareCosts(
        linear,
        costs((length) => length, [513]),
        seconds,
      ),
    ).toEqual({
      crossing: null,
      ahead: null,
    });
  });

  test("equal costs have no winner; a tie at a measured length is the crossing", () => {
    expect(compareCosts(linear, linear, seconds)).toEqual({ crossing: null, ahead: null });
    expect(
      compareCosts(
        linear,
        costs((length) => length ** 2 / 1024),
        seconds,
      ),
    ).toEqual({
      crossing: 1024,
      ahead: "model",
    });
  });
});

describe("reachOf", () => {
  const lengths = [512, 1024, 2048, 4096];
  const bytesAt = (length: number) => 1000 * length ** 2;

  test("leaves out what a graph does not read and what does not fit, with a reason each", () => {
    expect(reachOf({ maxLength: 2048, bytesAt }, lengths, { batchSize: 2, memory: 3e9 })).toEqual({
      lengths: [512, 1024],
      notes: [
        "not run at 2048 tokens: 2048 need about 8.4 GB of memory, and 3.0 GB are free",
        "not run at 4096 tokens: it reads 2048 at most",
      ],
    });
  });

  test("a graph without such needs runs at each length that it reads", () => {
    expect(reachOf({ maxLength: 4096 }, lengths, { batchSize: 1000, memory: 0 })).toEqual({
      lengths,
      notes: [],
    });
  });
});

test.each([
  [4096, undefined, [512, 1024, 2048, 4096]],
  [3000, undefined, [512, 1024, 2048, 3000]],
  [512, undefined, [512]],
  [64, undefined, [64]],
  [4096, [7, 600, 7], [7, 600]],
])("lengths up to %i, asked for %j", (longest, asked, lengths) => {
  expect(costLengths(longest, asked)).toEqual(lengths);
});
