import { markup } from "../../report/markup.js";
import type { BatchReport, JobResult } from "../types.js";
import { isGood, outcome } from "./wording.js";

/** A batch as JUnit XML, the form in which CI servers take results: a test case for each job. */
export function junitReport({ jobs, seconds }: BatchReport): string {
  const failures = jobs.filter(({ status }) => status === "failed").length;
  const skipped = jobs.filter((job) => job.status !== "failed" && !isGood(job)).length;
  const counts = markup`tests="${jobs.length}" failures="${failures}" errors="0" skipped="${skipped}" time="${seconds.toFixed(3)}"`;
  const { markup: text } = markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="lsg batch" ${counts}>
  <testsuite name="lsg batch" ${counts}>
${jobs.map(testCase)}  </testsuite>
</testsuites>
`;
  return text;
}

function testCase(job: JobResult) {
  const attributes = markup`classname="${job.model}" name="${job.name}" time="${job.seconds.toFixed(3)}"`;
  return markup`    <testcase ${attributes}>${result(job)}</testcase>
`;
}

function result(job: JobResult) {
  if (isGood(job)) return markup`<system-out>${outcome(job)}</system-out>`;
  if (job.status !== "failed") return markup`<skipped message="${job.status}"/>`;
  return markup`<failure message="${job.error?.message ?? ""}">${outcome(job)}</failure>`;
}
