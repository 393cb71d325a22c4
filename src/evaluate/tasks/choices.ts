import type { DataRow } from "../../predict/data/rows.js";
import type { ModelInput } from "../../predict/types.js";
import { meanMetric } from "../metrics/metric.js";
import { labelNumber } from "./columns.js";
import { figuresOf, type Job, oneItemEach, predictions } from "./job.js";

/** Several texts behind one, and the number of the right one. */
export function choicesJob(rows: readonly DataRow[], items: readonly ModelInput[], column: string): Job {
  const right = rows.map((row, i) => {
    const item = items[i];
    const choices = item?.kind === "choices" ? item.choices : [];
    return labelNumber(row, column, row.fields[column], choices);
  });
  return {
    title: "multiple choice",
    noun: "question",
    items,
    units: oneItemEach(items),
    recipe: "choice",
    ask: predictions(items, "choice", ({ choice }) => choice),
    score: (outcomes) =>
      figuresOf(
        [meanMetric("accuracy", (isRight: boolean) => (isRight ? 1 : 0))],
        (outcomes as number[]).map((choice, i) => choice === right[i]),
      ),
  };
}
