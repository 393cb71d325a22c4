import { escapeMarkdown } from "../base/markdown.js";
import { printable } from "../base/printable.js";
import { megabytes } from "../base/progress.js";
import { markdownTable } from "../report/markdown-table.js";
import { markup } from "../report/markup.js";
import { columnLines } from "../report/text.js";
import { VERDICTS } from "../verify/verdict.js";
import type { BatchReport, JobResult, JobStatus } from "./types.js";

/** What a log gets of a job when it ends: one line. */
export function resultLine(result: JobResult): string {
  const time = result.status === "converted" ? ` in ${duration(result.seconds)}` : "";
  return `${STATUS_WORDS[result.status]}${time}: ${outcome(result)}`;
}

/** The whole batch: a line for each job, what went wrong, and the counts last. */
export function batchTable(report: BatchReport): string {
  const head = [
    "job",
    "result",
    "tokens",
    "lossless",
    "size",
    report.jobs.some(isPlanned) ? "memory" : "time",
  ];
  const rows = [head, ...report.jobs.map(cells)].map((row) => row.map(printable));
  const faults = report.jobs.filter((job) => !isGood(job) && job.error);
  return [
    ...columnLines(rows),
    "",
    ...faults.flatMap(({ name, error }) => [
      printable(`${name}: ${error?.message ?? ""}`),
      ...(error?.remedy ? [`     ${printable(error.remedy)}`] : []),
    ]),
    ...(faults.length > 0 ? [""] : []),
    conclusion(report),
    "",
  ].join("\n");
}

/** The cells of a job's row, in the order of the head. */
export function cells(job: JobResult): string[] {
  const { name, status, conversion, seconds, memory } = job;
  const { from, to } = conversion?.max_sequence_length ?? {};
  return [
    name,
    STATUS_WORDS[status],
    from === undefined ? "" : `${from} → ${to}`,
    conversion ? String(conversion.lossless_up_to || "no") : "",
    conversion ? `${megabytes(conversion.weights)} MB` : "",
    isPlanned(job) ? `${megabytes(memory ?? 0)} MB` : seconds > 0 ? duration(seconds) : "",
  ];
}

function isPlanned({ status }: JobResult): boolean {
  return status === "planned";
}

/** What a status is called, in the order in which they are counted. */
const STATUS_WORDS: Readonly<Record<JobStatus, string>> = {
  converted: "converted",
  planned: "to convert",
  unchanged: "unchanged",
  failed: "FAILED",
  stopped: "stopped",
  not_run: "not run",
};

/** Whether every job is done, or in a dry run could be. */
export function isGood({ status }: JobResult): boolean {
  return status === "converted" || status === "planned" || status === "unchanged";
}

/** `4 of 5 jobs: 3 converted, 1 unchanged, 1 FAILED; 12.3 s`. */
export function conclusion({ jobs, shard, seconds }: BatchReport): string {
  const counts = Object.entries(STATUS_WORDS).flatMap(([status, word]) => {
    const count = jobs.filter((job) => job.status === status).length;
    return count > 0 ? `${count} ${word}` : [];
  });
  const part = shard ? `part ${shard.index} of ${shard.count}, ` : "";
  return `${part}${jobs.length} ${jobs.length === 1 ? "job" : "jobs"}: ${counts.join(", ") || "nothing to do"} in ${duration(seconds)}`;
}

/** What a job gave, in a sentence without its name. */
export function outcome({
  status,
  output,
  reason,
  conversion,
  verification,
  push,
  error,
}: JobResult): string {
  if (error) return `${error.message}${error.remedy ? ` ${error.remedy}` : ""}`;
  const facts = [
    conversion && `${conversion.max_sequence_length.from} → ${conversion.max_sequence_length.to} tokens`,
    conversion && `${megabytes(conversion.weights)} MB`,
    conversion &&
      (conversion.lossless_up_to > 0 ? `lossless up to ${conversion.lossless_up_to}` : "not lossless"),
    verification && VERDICTS[verification.verdict].words,
    push && (push.pushed ? `pushed to ${push.url}` : `${push.url} holds it`),
    reason && (status === "planned" ? `it is there, but ${reason}` : `made again: ${reason}`),
  ];
  return [output, facts.filter(Boolean).join(", ")].filter(Boolean).join(": ");
}

/** `0.4 s`, `12 min 5 s`. */
function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

/** GitHub takes a megabyte of summary for a step, and refuses one that is larger as a whole. */
const MAX_ROWS = 500;
const MAX_TEXT = 500;

/** A batch as Markdown for GitHub's page of a run: what failed first, then every job. */
export function stepSummary(report: BatchReport): string {
  const faults = report.jobs.filter((job) => !isGood(job) && job.error);
  const rows = report.jobs.slice(0, MAX_ROWS).map(cells);
  const more = report.jobs.length - rows.length;
  return [
    `### lsg batch: ${escapeMarkdown(conclusion(report))}`,
    "",
    ...faults
      .slice(0, MAX_ROWS)
      .map((job) => `- **${escapeMarkdown(job.name)}**: ${escapeMarkdown(outcome(job).slice(0, MAX_TEXT))}`),
    ...(faults.length > 0 ? [""] : []),
    markdownTable({ head: ["job", "result", "tokens", "lossless", "size", "time"], rows }),
    ...(more > 0 ? ["", `and ${more} more`] : []),
    "",
    "",
  ].join("\n");
}

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
