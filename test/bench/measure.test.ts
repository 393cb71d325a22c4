import { describe, expect, test } from "vitest";
import { type Candidate, type MeasureOptions, measure } from "../../src/bench/measure.js";
import type { BenchAnswer } from "../../src/bench/program.js";

/** A candidate that takes the seconds that it is told, and writes down when it is asked. */
function candidate(
  name: string,
  log: string[],
  answer: (length: number, run: number) => BenchAnswer = () => ({ seconds: 1, megabytes: 1 }),
  limits: Partial<Candidate> = {},
): Candidate {
  let starts = 0;
  return {
    name,
    maxLength: 1000,
    async start() {
      log.push(`${name}+`);
      let runs = 0;
      return {
        loading: { seconds: ++starts, megabytes: 1 },
        async run({ input_ids }) {
          const length = input_ids?.dims[1] ?? 0;
          log.push(`${name}${length}`);
          return answer(length, runs++);
        },
        close: () => void log.push(`${name}-`),
      };
    },
    ...limits,
  };
}

function options(given: Partial<MeasureOptions> = {}): MeasureOptions {
  return {
    lengths: [5],
    batchSize: 1,
    runsAt: () => 3,
    loads: 1,
    memory: 100,
    inputsAt: (length) => ({ input_ids: { dims: [1, length], values: [], dtype: "int64" } }),
    ...given,
  };
}

describe("measure", () => {
  test("loads and runs the candidates in turn, every other turn the other way round", async () => {
    const log: string[] = [];
    await measure([candidate("a", log), candidate("b", log)], options({ lengths: [5, 7], runsAt: () => 1 }));
    expect(log.slice(0, 6)).toEqual(["a+", "a-", "b+", "b-", "a+", "b+"]);
    expect(log.slice(6, 14)).toEqual(["a5", "b5", "b5", "a5", "a7", "b7", "b7", "a7"]);
    expect(log.slice(14).every((entry) => /^[ab]-$/.test(entry))).toBe(true);
  });

  test("neither the first run at a length nor the first loading counts", async () => {
    const times = [100, 4, 2, 3];
    const [graph] = await measure(
      [candidate("a", [], (_, run) => ({ seconds: times[run] ?? Number.NaN, megabytes: 10 * run }))],
      options({ batchSize: 6, loads: 2 }),
    );
    expect(graph).toEqual({
      name: "a",
      load_seconds: { median: 2.5, min: 2, max: 3 },
      measurements: [
        { length: 5, seconds: { median: 3, min: 2, max: 4 }, tokens_per_second: 10, megabytes: 30 },
      ],
      notes: [],
    });
  });

  test("a candidate that fails is noted and not tried again; the others go on", async () => {
    const log: string[] = [];
    const failing = candidate("a", log, (length, run) =>
      length === 7 && run === 5 ? { error: "its process ended by SIGKILL" } : { seconds: 1, megabytes: 1 },
    );
    const [a, b] = await measure([failing, candidate("b", log)], options({ lengths: [5, 7, 9] }));
    expect(a?.measurements.map(({ length }) => length)).toEqual([5]);
    expect(a?.notes).toEqual(["failed at 7 tokens: its process ended by SIGKILL"]);
    expect(b?.measurements.map(({ length }) => length)).toEqual([5, 7, 9]);
    expect(log.filter((entry) => entry === "a7")).toHaveLength(2);
    expect(log).not.toContain("a9");
  });

  test("what has no further length gives its memory back before the others go on", async () => {
    const log: string[] = [];
    const short = candidate("a", log, undefined, { maxLength: 6 });
    const [a] = await measure([short, candidate("b", log)], options({ lengths: [5, 7] }));
    expect(log.indexOf("a-", log.indexOf("a5"))).toBeLessThan(log.indexOf("b7"));
    expect(a?.notes).toEqual(["not run at 7 tokens: it reads 6 at most"]);
  });

  test("a candidate that does not load is an error, and nothing stays behind", async () => {
    const log: string[] = [];
    const broken: Candidate = {
      name: "x.onnx",
      maxLength: 9,
      start: async () => ({
        loading: { error: "it is no graph" },
        run: async () => ({ error: "" }),
        close: () => void log.push("x-"),
      }),
    };
    await expect(measure([candidate("a", log), broken], options({ loads: 0 }))).rejects.toThrow(
      "x.onnx cannot be loaded: it is no graph",
    );
    expect(log).toEqual(["a+", "x-", "a-"]);
  });
});
