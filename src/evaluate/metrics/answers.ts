import { f1, type Metric, meanMetric } from "./metric.js";

export interface SpanAnswer {
  readonly exact: number;
  readonly f1: number;
}

export const ANSWER_METRICS: readonly Metric<SpanAnswer>[] = [
  meanMetric("f1", (answer) => answer.f1),
  meanMetric("exact_match", ({ exact }) => exact),
];

/**
 * SQuAD's exact match and F1 of words, of the answer that fits best.
 * @param given what the data allows; none: there is no answer, and "" is right (SQuAD 2.0)
 */
export function compareAnswers(given: readonly string[], predicted: string): SpanAnswer {
  const words = given.map(answerWords).filter((answer) => answer.length > 0);
  const found = answerWords(predicted);
  const allowed = words.length > 0 ? words : [[]];
  return {
    exact: Math.max(...allowed.map((answer) => (answer.join(" ") === found.join(" ") ? 1 : 0))),
    f1: Math.max(...allowed.map((answer) => wordF1(answer, found))),
  };
}

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/** In lower case, without ASCII's punctuation and the articles. */
function answerWords(text: string): string[] {
  return text
    .toLowerCase()
    .replace(PUNCTUATION, "")
    .replace(ARTICLES, " ")
    .split(/\s+/)
    .filter((word) => word !== "");
}

function wordF1(actual: readonly string[], found: readonly string[]): number {
  if (actual.length === 0 || found.length === 0) return actual.length === found.length ? 1 : 0;
  return f1(commonCount(actual, found), found.length, actual.length);
}

/** How many of the one are in the other, each as often as in both. */
export function commonCount(some: readonly string[], others: readonly string[]): number {
  const left = new Map<string, number>();
  for (const one of some) left.set(one, (left.get(one) ?? 0) + 1);
  let common = 0;
  for (const other of others) {
    const count = left.get(other) ?? 0;
    if (count === 0) continue;
    left.set(other, count - 1);
    common++;
  }
  return common;
}
