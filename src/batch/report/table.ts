import { printable } from "../../base/printable.js";
import { megabytes } from "../../base/progress.js";
import { columnLines } from "../../report/text.js";
import type { BatchReport, JobResult } from "../types.js";
import { conclusion, duration, isGood, outcome, STATUS_WORDS } from "./wording.js";

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
