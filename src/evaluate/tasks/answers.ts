import { isRecord } from "../../json/json-edit.js";
import type { DataRow } from "../../predict/data/rows.js";
import type { ModelInput } from "../../predict/types.js";
import { ANSWER_METRICS, compareAnswers } from "../metrics/answers.js";
import { refuseRow, textsOf } from "./columns.js";
import { figuresOf, type Job, oneItemEach, predictions } from "./job.js";

/** Questions with their contexts, and the answers that count as right: `answers` as SQuAD has them, or texts. */
export function answersJob(rows: readonly DataRow[], items: readonly ModelInput[], column: string): Job {
  const allowed = rows.map((row) => allowedAnswers(row, column));
  return {
    ...common(items),
    title: "question answering",
    score: (outcomes) =>
      figuresOf(
        ANSWER_METRICS,
        (outcomes as string[]).map((answer, i) => compareAnswers(allowed[i] ?? [], answer)),
      ),
  };
}

/** Questions of which nobody says what is right: as near to the reference's answers as F1 says. */
export function answerLikenessJob(items: readonly ModelInput[]): Job {
  return {
    ...common(items),
    title: "answers without labels: agreement",
    isRelative: true,
    score: (outcomes, reference = []) =>
      figuresOf(
        ANSWER_METRICS.map((metric) => ({ ...metric, name: `agreement_${metric.name}` })),
        (outcomes as string[]).map((answer, i) => compareAnswers([reference[i] as string], answer)),
      ),
  };
}

function common(items: readonly ModelInput[]) {
  return {
    noun: "question",
    items,
    units: oneItemEach(items),
    recipe: "answers",
    ask: predictions(items, "answer", ({ answer }) => answer.answer),
  };
}

function allowedAnswers(row: DataRow, column: string): readonly string[] {
  let value = row.fields[column];
  if (typeof value === "string" && /^\s*\{/.test(value)) {
    try {
      value = JSON.parse(value);
    } catch {
      return refuseRow(row, `${column} begins like JSON and is none`);
    }
  }
  if (!isRecord(value)) return textsOf(row, column);
  return textsOf({ ...row, fields: value }, "text");
}
