import type { DataRow } from "../../predict/data/rows.js";
import type { ModelInput } from "../../predict/types.js";
import { compareSummaries, SUMMARY_METRICS } from "../metrics/rouge.js";
import { textsOf } from "./columns.js";
import { figuresOf, type Job, oneItemEach, predictions } from "./job.js";

/** Texts, and the summary (or translation) of each. */
export function summariesJob(rows: readonly DataRow[], items: readonly ModelInput[], column: string): Job {
  const references = rows.map((row) => textsOf(row, column).join("\n"));
  return {
    title: "summaries",
    noun: "document",
    items,
    units: oneItemEach(items),
    recipe: "text",
    ask: predictions(items, "text", ({ text }) => text),
    score: (outcomes) =>
      figuresOf(
        SUMMARY_METRICS,
        (outcomes as string[]).map((text, i) => compareSummaries(references[i] ?? "", text)),
      ),
  };
}
