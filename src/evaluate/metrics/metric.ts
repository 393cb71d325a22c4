/**
 * A figure of a set of units (documents, or queries), in which each counts as often as its weight says: 0 leaves it out.
 * So one function gives the figure of all, of those of some length, and of a bootstrap's samples. NaN where it is not
 * defined.
 */
export type Estimate = (weights: ArrayLike<number>) => number;

export interface Metric<Answer> {
  /** As MTEB, seqeval or scikit-learn call it. */
  readonly name: string;
  readonly better: "higher" | "lower";
  /** Unit of the figure where it is not a share. */
  readonly unit?: string;
  /** @param answers of all units, in one order */
  prepare(answers: readonly Answer[]): Estimate;
}

/** Σ wᵢ aᵢ / Σ wᵢ bᵢ: of shares and means. Units of which both are 0 count for nothing. */
export function ratioOfSums(
  numerators: ArrayLike<number>,
  denominators: ArrayLike<number> = Array.from(numerators, () => 1),
): Estimate {
  return (weights) => {
    let [above, below] = [0, 0];
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i] ?? 0;
      if (weight === 0) continue;
      above += weight * (numerators[i] ?? 0);
      below += weight * (denominators[i] ?? 0);
    }
    return above / below;
  };
}

/** A metric that is a mean over units. */
export function meanMetric<Answer>(name: string, of: (answer: Answer) => number): Metric<Answer> {
  return { name, better: "higher", prepare: (answers) => ratioOfSums(answers.map(of)) };
}

/** F1 of true positives, predicted and actual ones; 0 where there is none of any, as scikit-learn and seqeval have it. */
export function f1(hits: number, predicted: number, actual: number): number {
  return hits === 0 ? 0 : (2 * hits) / (predicted + actual);
}
