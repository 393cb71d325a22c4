import { type Metric, meanMetric } from "./metric.js";

/** One query's candidates, the best first: how relevant each is, 0 for not at all. */
export interface RankedAnswer {
  readonly ranked: readonly number[];
  /** Of all relevant documents, found or not, the most relevant first. */
  readonly relevant: readonly number[];
}

export const RERANKING_METRICS: readonly Metric<RankedAnswer>[] = [
  meanMetric("ndcg_at_10", (answer) => discountedGain(answer, 10)),
  meanMetric("mrr", reciprocalRank),
  meanMetric("accuracy_at_1", ({ ranked }) => ((ranked[0] ?? 0) > 0 ? 1 : 0)),
];

/** @param documents of the collection: of so many as are ranked every one is found */
export function retrievalMetrics(documents: number): readonly Metric<RankedAnswer>[] {
  const depths = [10, 100].filter((depth) => depth < documents);
  return [
    meanMetric("ndcg_at_10", (answer) => discountedGain(answer, 10)),
    ...depths.map((depth) =>
      meanMetric<RankedAnswer>(`recall_at_${depth}`, (answer) => recall(answer, depth)),
    ),
    meanMetric("mrr", reciprocalRank),
  ];
}

/**
 * Candidates by falling score; of equal scores the later id first, as trec_eval has it. Scores are compared as
 * float32, which it keeps them in.
 */
export function rank(
  scores: ReadonlyMap<string, number>,
  relevance: ReadonlyMap<string, number>,
): RankedAnswer {
  const order = [...scores].sort(
    ([a, x], [b, y]) => Math.fround(y) - Math.fround(x) || (a < b ? 1 : a > b ? -1 : 0),
  );
  return {
    ranked: order.map(([id]) => relevance.get(id) ?? 0),
    relevant: [...relevance.values()].filter((grade) => grade > 0).sort((a, b) => b - a),
  };
}

/** nDCG with the grades themselves as gain: DCG = Σ gradeᵢ / log₂(i + 1), by that of the best order. */
function discountedGain({ ranked, relevant }: RankedAnswer, depth: number): number {
  const gain = (grades: readonly number[]) =>
    grades.slice(0, depth).reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0);
  const best = gain(relevant);
  return best === 0 ? 0 : gain(ranked) / best;
}

function reciprocalRank({ ranked }: RankedAnswer): number {
  const first = ranked.findIndex((grade) => grade > 0);
  return first < 0 ? 0 : 1 / (first + 1);
}

function recall({ ranked, relevant }: RankedAnswer, depth: number): number {
  const found = ranked.slice(0, depth).filter((grade) => grade > 0).length;
  return relevant.length === 0 ? 0 : found / relevant.length;
}
