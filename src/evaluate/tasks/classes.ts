import type { DataRow } from "../../predict/data/rows.js";
import type { ModelInput } from "../../predict/types.js";
import { CLASSIFICATION_METRICS, predictedClass } from "../metrics/classification.js";
import { meanMetric } from "../metrics/metric.js";
import { labelNumber } from "./columns.js";
import { figuresOf, type Job, oneItemEach, predictions } from "./job.js";

/** What is kept of a text: the score of each label, by their numbers. */
type Scores = readonly number[];

/** Digits that are kept of a score: float32 has no more. */
export const KEPT_DIGITS = 8;

export function kept(value: number): number {
  return Number(value.toPrecision(KEPT_DIGITS));
}

/** Texts, or pairs, and the label of each. */
export function classificationJob(
  rows: readonly DataRow[],
  items: readonly ModelInput[],
  column: string,
  labels: readonly string[],
): Job {
  const classes = labels.length === 1 ? YES_OR_NO : labels;
  const actual = rows.map((row) => labelNumber(row, column, row.fields[column], classes));
  return {
    title: "classification",
    noun: "document",
    items,
    units: oneItemEach(items),
    recipe: "classes",
    ask: askForScores(items, labels),
    score: (outcomes) =>
      figuresOf(
        CLASSIFICATION_METRICS,
        (outcomes as Scores[]).map((scores, i) => ({
          actual: actual[i] ?? 0,
          scores: probabilities(scores).map((share) => Math.log(Math.max(share, Number.MIN_VALUE))),
        })),
      ),
  };
}

/** What a head with one label says. */
const YES_OR_NO = ["0", "1"];

/** Of each class; one score alone is that of "yes". */
function probabilities(scores: Scores): Scores {
  const [only = 0] = scores;
  return scores.length === 1 ? [1 - only, only] : scores;
}

function askForScores(items: readonly ModelInput[], labels: readonly string[]): Job["ask"] {
  return predictions(items, "classes", ({ labels: found }) => {
    const byLabel = new Map(found.map(({ label, score }) => [label, score]));
    return labels.map((label) => kept(byLabel.get(label) ?? 0));
  });
}

interface SameClass {
  readonly same: number;
  readonly drift: number;
}

/** Without labels: how often a system says what the reference says, and how far its probabilities are from there. */
const CLASS_LIKENESS = [
  meanMetric("agreement", ({ same }: SameClass) => same),
  { ...meanMetric("drift", ({ drift }: SameClass) => drift), better: "lower" as const },
];

/** Texts without labels. Drift is the total variation distance of the labels' scores: half of Σ |p − q|. */
export function classLikenessJob(items: readonly ModelInput[], labels: readonly string[]): Job {
  return {
    title: "classes without labels: agreement",
    noun: "document",
    items,
    units: oneItemEach(items),
    recipe: "classes",
    isRelative: true,
    ask: askForScores(items, labels),
    score: (outcomes, reference) =>
      figuresOf(
        CLASS_LIKENESS,
        (outcomes as Scores[]).map((scores, i) => {
          const [own, other] = [scores, (reference as Scores[] | undefined)?.[i] ?? []].map(
            probabilities,
          ) as [Scores, Scores];
          const drift = own.reduce((sum, score, j) => sum + Math.abs(score - (other[j] ?? 0)), 0) / 2;
          return { same: predictedClass(own) === predictedClass(other) ? 1 : 0, drift };
        }),
      ),
  };
}
