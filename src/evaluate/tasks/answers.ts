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
    ...common(
      items,
      allowed.some((answers) => answers.length === 0),
    ),
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
    ...common(items, false),
    title: "answers without labels: agreement",
    isRelative: true,
    score: (outcomes, reference = []) =>
      figuresOf(
        ANSWER_METRICS.map((metric) => ({ ...metric, name: `agreement_${metric.name}` })),
        (outcomes as string[]).map((answer, i) => compareAnswers([reference[i] as string], answer)),
      ),
  };
}

/** @param allowNoAnswer whether the data have questions without an answer, as SQuAD 2.0 has */
function common(items: readonly ModelInput[], allowNoAnswer: boolean) {
  return {
    noun: "question",
    items,
    units: oneItemEach(items),
    recipe: allowNoAnswer ? "answers or none" : "answers",
    allowNoAnswer,
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
