import { type Estimate, f1, type Metric, meanMetric } from "./metric.js";

export interface ClassAnswer {
  /** The class that the data says. */
  readonly actual: number;
  /** A score of each class; the largest is predicted, of equal ones the first. */
  readonly scores: readonly number[];
}

export const CLASSIFICATION_METRICS: readonly Metric<ClassAnswer>[] = [
  meanMetric("accuracy", ({ actual, scores }) => (predictedClass(scores) === actual ? 1 : 0)),
  { name: "macro_f1", better: "higher", prepare: macroF1 },
  { name: "auc", better: "higher", prepare: areaUnderCurve },
];

export function predictedClass(scores: readonly number[]): number {
  return scores.reduce((best, score, i) => (score > (scores[best] ?? Number.NaN) ? i : best), 0);
}

/** The mean of F1 over the classes that were predicted or are there (scikit-learn's `average="macro"`). */
function macroF1(answers: readonly ClassAnswer[]): Estimate {
  const pairs = answers.map(({ actual, scores }) => [actual, predictedClass(scores)] as const);
  const classes = Math.max(0, ...pairs.flat()) + 1;
  return (weights) => {
    const [hits, predicted, actual] = [0, 1, 2].map(() => new Float64Array(classes)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    pairs.forEach(([own, found], i) => {
      const weight = weights[i] ?? 0;
      actual[own] = (actual[own] ?? 0) + weight;
      predicted[found] = (predicted[found] ?? 0) + weight;
      if (own === found) hits[own] = (hits[own] ?? 0) + weight;
    });
    let [sum, count] = [0, 0];
    for (let i = 0; i < classes; i++) {
      const [p = 0, a = 0] = [predicted[i], actual[i]];
      if (p + a === 0) continue;
      sum += f1(hits[i] ?? 0, p, a);
      count++;
    }
    return sum / count;
  };
}

/**
 * The area under the ROC curve: the share of pairs of one unit of the class and one of another in which the first has
 * the larger score, equal ones counted half. With two classes that of the second; with more the mean over classes that
 * have both kinds (scikit-learn's `multi_class="ovr"`, macro). Scores are log odds, which order as probabilities do and
 * do not saturate.
 */
function areaUnderCurve(answers: readonly ClassAnswer[]): Estimate {
  const classes = answers[0]?.scores.length ?? 0;
  const which = classes === 2 ? [1] : Array.from({ length: classes }, (_, i) => i);
  const curves = which.map((one) => {
    const odds = answers.map(({ scores }) => logOdds(scores, one));
    const order = odds.map((_, i) => i).sort((a, b) => (odds[a] ?? 0) - (odds[b] ?? 0));
    return (weights: ArrayLike<number>) => oneCurve(order, odds, weights, (i) => answers[i]?.actual === one);
  });
  return (weights) => {
    const areas = curves.map((curve) => curve(weights)).filter((area) => !Number.isNaN(area));
    return areas.reduce((sum, area) => sum + area, 0) / areas.length;
  };
}

/** log p / (1 − p) of a class's probability by softmax. */
function logOdds(logits: readonly number[], one: number): number {
  return (logits[one] ?? Number.NaN) - logSumExp(logits.filter((_, i) => i !== one));
}

/** @param order the units by ascending score */
function oneCurve(
  order: readonly number[],
  scores: readonly number[],
  weights: ArrayLike<number>,
  isPositive: (unit: number) => boolean,
): number {
  let [wins, positives, negatives] = [0, 0, 0];
  for (let begin = 0; begin < order.length; ) {
    // Those of one score at a time.
    let end = begin;
    let [above, below] = [0, 0];
    while (end < order.length && scores[order[end] as number] === scores[order[begin] as number]) {
      const unit = order[end++] as number;
      if (isPositive(unit)) above += weights[unit] ?? 0;
      else below += weights[unit] ?? 0;
    }
    wins += above * (negatives + below / 2);
    positives += above;
    negatives += below;
    begin = end;
  }
  return wins / (positives * negatives);
}

export function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
