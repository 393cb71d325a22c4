import { escapeMarkdown } from "../../base/markdown.js";
import { markdownTable } from "../../report/markdown-table.js";
import type { BatchReport } from "../types.js";
import { cells } from "./table.js";
import { conclusion, isGood, outcome } from "./wording.js";

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
