import { commonCount } from "./answers.js";
import { f1, type Metric, meanMetric } from "./metric.js";

export interface SummaryAnswer {
  readonly rouge1: number;
  readonly rouge2: number;
  readonly rougeL: number;
}

export const SUMMARY_METRICS: readonly Metric<SummaryAnswer>[] = (
  ["rougeL", "rouge1", "rouge2"] as const
).map((name) => meanMetric(name, (answer) => answer[name]));

/**
 * ROUGE-1, ROUGE-2 (Lin 2004, F1 of common n-grams) and ROUGE-L (F1 of the longest common subsequence of the whole
 * texts). Words are runs of a–z and 0–9 in lower case, unstemmed: as rouge-score has it by default.
 */
export function compareSummaries(reference: string, summary: string): SummaryAnswer {
  const [own, found] = [words(reference), words(summary)];
  const ofGrams = (n: number) => {
    const [a, b] = [grams(own, n), grams(found, n)];
    return f1(commonCount(a, b), b.length, a.length);
  };
  return {
    rouge1: ofGrams(1),
    rouge2: ofGrams(2),
    rougeL: f1(longestCommon(own, found), found.length, own.length),
  };
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

function grams(all: readonly string[], n: number): string[] {
  return all.slice(n - 1).map((_, i) => all.slice(i, i + n).join(" "));
}

/** Length of the longest common subsequence. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let before = new Uint32Array(b.length + 1);
  for (const word of a) {
    const row = new Uint32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++) {
      row[j] = word === b[j - 1] ? (before[j - 1] ?? 0) + 1 : Math.max(before[j] ?? 0, row[j - 1] ?? 0);
    }
    before = row;
  }
  return before[b.length] ?? 0;
}
