import { megabytes } from "../../base/progress.js";
import { VERDICTS } from "../../verify/verdict.js";
import type { BatchReport, JobResult, JobStatus } from "../types.js";

/** What a status is called, in the order in which they are counted. */
export const STATUS_WORDS: Readonly<Record<JobStatus, string>> = {
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
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
