import { describe, expect, test } from "vitest";
import { jobsOfShard, readShard } from "../../src/batch/shard.js";

describe("--shard", () => {
  test.each([
    [undefined, {}, undefined],
    ["2/5", {}, { index: 2, count: 5 }],
    ["2/5", { JOB_COMPLETION_INDEX: "4" }, { index: 2, count: 5 }],
    ["/5", { JOB_COMPLETION_INDEX: "0" }, { index: 1, count: 5 }],
    ["/5", { JOB_COMPLETION_INDEX: "4" }, { index: 5, count: 5 }],
    ["1/1", { JOB_COMPLETION_INDEX: "4" }, { index: 1, count: 1 }],
  ])("%s with %j", (asked, environment, shard) => {
    expect(readShard(asked, environment)).toEqual(shard);
  });

  test.each([
    ["0/5", {}, /no part 0 of 5/],
    ["6/5", {}, /no part 6 of 5/],
    ["/5", {}, /JOB_COMPLETION_INDEX is not set/],
    ["/5", { JOB_COMPLETION_INDEX: "5" }, /no part 6 of 5/],
    ["/5", { JOB_COMPLETION_INDEX: "x" }, /JOB_COMPLETION_INDEX is "x"/],
    ["5", {}, /expected I\/N/],
    ["1/2/3", {}, /expected I\/N/],
    [undefined, { JOB_COMPLETION_INDEX: "1" }, /not in how many parts/],
  ])("%s with %j is refused", (asked, environment, message) => {
    expect(() => readShard(asked, environment)).toThrow(message);
  });

  test("the parts have every job once", () => {
    const jobs = Array.from({ length: 11 }, (_, i) => i);
    const parts = [1, 2, 3].map((index) => jobsOfShard(jobs, { index, count: 3 }));
    expect(parts.map(({ length }) => length)).toEqual([4, 4, 3]);
    expect(parts.flat().sort((a, b) => a - b)).toEqual(jobs);
    expect(jobsOfShard(jobs, undefined)).toEqual(jobs);
  });
});
