import { describe, expect, test } from "vitest";
import { batchTable, junitReport, resultLine, stepSummary } from "../../src/batch/report.js";
import type { BatchReport, JobResult } from "../../src/batch/types.js";
import { actingLines, foreignMarkdown, foreignMarkup, HOSTILE } from "../support/hostile.js";

const CONVERSION = {
  architecture: "LSGBertModel",
  variant: "lsg",
  max_sequence_length: { from: 512, to: 4096 },
  lossless_up_to: 512,
  weights: 437_000_000,
} as const;

const JOBS: readonly JobResult[] = [
  {
    name: "one",
    model: "org/one",
    output: "out/one",
    status: "converted",
    seconds: 12.34,
    conversion: CONVERSION,
    verification: { verdict: "sound", summary: "one is sound." },
  },
  {
    name: "two",
    model: "org/two",
    output: "out/two",
    status: "unchanged",
    seconds: 0.01,
    conversion: CONVERSION,
  },
  {
    name: "bad",
    model: HOSTILE,
    output: "out/bad",
    status: "failed",
    seconds: 1,
    error: { message: HOSTILE, remedy: HOSTILE },
  },
  { name: "half", model: "m", output: "out/half", status: "stopped", seconds: 65 },
  { name: "late", model: "m", output: "out/late", status: "not_run", seconds: 0 },
];

/** An enemy's names, wherever one may stand. */
const HOSTILE_JOBS: readonly JobResult[] = (["converted", "failed", "not_run", "planned"] as const).map(
  (status) => ({
    ...{ name: HOSTILE, model: HOSTILE, output: HOSTILE, status, seconds: 1, reason: HOSTILE },
    ...(status === "failed" && { error: { message: HOSTILE, remedy: null } }),
    conversion: { ...CONVERSION, architecture: HOSTILE },
  }),
);

function report(jobs: readonly JobResult[] = JOBS): BatchReport {
  return { format_version: 1, jobs_file: "jobs.yaml", shard: { index: 2, count: 3 }, seconds: 78.9, jobs };
}

test("a line of the log tells of one job", () => {
  expect(JOBS.slice(0, 2).map(resultLine)).toEqual([
    "converted in 12.3 s: out/one: 512 → 4096 tokens, 437.0 MB, lossless up to 512, sound",
    "unchanged: out/two: 512 → 4096 tokens, 437.0 MB, lossless up to 512",
  ]);
});

test("the table has a line for each job, what went wrong, and the counts last", () => {
  const lines = batchTable(report()).split("\n");
  expect(lines.slice(0, 3)).toEqual([
    "job   result     tokens      lossless  size      time",
    "one   converted  512 → 4096  512       437.0 MB  12.3 s",
    "two   unchanged  512 → 4096  512       437.0 MB  0.0 s",
  ]);
  expect(lines[4]).toBe("half  stopped                                    1 min 5 s");
  expect(lines.slice(-2)).toEqual([
    "part 2 of 3, 5 jobs: 1 converted, 1 unchanged, 1 FAILED, 1 stopped, 1 not run in 1 min 18 s",
    "",
  ]);
  // A terminal is not to be taken over by what a file says.
  expect(actingLines(batchTable(report(HOSTILE_JOBS)))).toEqual([]);
  expect(lines.some((line) => line.startsWith("bad: a\\nlsg: FORGED"))).toBe(true);
});

describe("JUnit XML", () => {
  const xml = junitReport(report());

  test("has a test case for each job, and counts them", () => {
    expect(xml.match(/<testcase /g)).toHaveLength(5);
    expect(xml).toContain(
      '<testsuite name="lsg batch" tests="5" failures="1" errors="0" skipped="2" time="78.900">',
    );
    expect(xml).toContain('name="late" time="0.000"><skipped message="not_run"/>');
  });

  test("is well formed whatever a job says", () => {
    const elements = /^(testsuites?|testcase|system-out|skipped|failure)$/;
    for (const jobs of [JOBS, HOSTILE_JOBS]) {
      expect(foreignMarkup(junitReport(report(jobs)), elements)).toEqual([]);
    }
  });
});

describe("GitHub's summary", () => {
  test("has what failed first, then a row for each job", () => {
    const lines = stepSummary(report()).split("\n");
    expect(lines[0]).toMatch(/^### lsg batch: part 2 of 3, 5 jobs: 1 converted/);
    expect(lines[2]).toMatch(/^- \*\*bad\*\*: a\\\\nlsg/);
    expect(lines.filter((line) => line.startsWith("| "))).toHaveLength(2 + 5);
    for (const jobs of [JOBS, HOSTILE_JOBS])
      expect(foreignMarkdown(stepSummary(report(jobs)), /^- \*\*(?=\w)|\*\*: /gm)).toEqual([]);
  });

  test("stays below the megabyte that GitHub takes", () => {
    const [, , bad] = JOBS;
    const long = { ...(bad as JobResult), error: { message: "<".repeat(10_000), remedy: null } };
    const jobs = Array.from({ length: 10_000 }, (_, i) => ({ ...long, name: `job-${i}` }));
    const text = stepSummary(report(jobs));
    expect(Buffer.byteLength(text)).toBeLessThan(1 << 20);
    expect(text).toContain("and 9500 more");
  });
});
