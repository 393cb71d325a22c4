import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compareAnswers } from "../../src/evaluate/metrics/answers.js";
import { CLASSIFICATION_METRICS, type ClassAnswer } from "../../src/evaluate/metrics/classification.js";
import { compareTags, ENTITY_METRICS, entitiesOf } from "../../src/evaluate/metrics/entities.js";
import type { Metric } from "../../src/evaluate/metrics/metric.js";
import {
  type RankedAnswer,
  RERANKING_METRICS,
  rank,
  retrievalMetrics,
} from "../../src/evaluate/metrics/ranking.js";
import { compareSummaries } from "../../src/evaluate/metrics/rouge.js";

/** What the libraries say that define the figures: fixtures/generate/metrics.py. */
const goldens = JSON.parse(
  readFileSync(new URL("../../fixtures/evaluate/metrics.json", import.meta.url), "utf8"),
) as {
  classification: { actual: number[]; scores: number[][]; accuracy: number; macro_f1: number; auc: number }[];
  entities: {
    actual: string[][];
    predicted: string[][];
    entities: [string, number, number][][];
    f1: number;
    precision: number;
    recall: number;
  }[];
  answers: { given: string[]; predicted: string; exact: number; f1: number }[];
  ranking: {
    scores: Record<string, number>;
    relevance: Record<string, number>;
    figures: Record<string, number>;
  }[];
  summaries: { reference: string; summary: string; rouge1: number; rouge2: number; rougeL: number }[];
};

/** Sums in another order. */
const DIGITS = 12;

function figures<A>(metrics: readonly Metric<A>[], answers: readonly A[], weights = answers.map(() => 1)) {
  return Object.fromEntries(metrics.map(({ name, prepare }) => [name, prepare(answers)(weights)]));
}

test("classes as scikit-learn counts them, and a weight is as many copies", () => {
  expect(goldens.classification.length).toBeGreaterThan(2);
  for (const { actual, scores, ...wanted } of goldens.classification) {
    const answers = actual.map((own, i): ClassAnswer => ({ actual: own, scores: scores[i] ?? [] }));
    const found = figures(CLASSIFICATION_METRICS, answers);
    for (const [name, value] of Object.entries(wanted)) expect(found[name]).toBeCloseTo(value, DIGITS);
    const weights = answers.map((_, i) => (i * 7) % 3);
    const copies = answers.flatMap((answer, i) => Array<ClassAnswer>(weights[i] ?? 0).fill(answer));
    const [weighted, copied] = [
      figures(CLASSIFICATION_METRICS, answers, weights),
      figures(CLASSIFICATION_METRICS, copies),
    ];
    for (const [name, value] of Object.entries(copied)) expect(weighted[name]).toBeCloseTo(value, DIGITS);
  }
});

test("entities as seqeval counts them, in every scheme and with tags that contradict each other", () => {
  for (const golden of goldens.entities) {
    expect(golden.actual.map(entitiesOf)).toEqual(golden.entities);
    const answers = golden.actual.map((tags, i) => compareTags(tags, golden.predicted[i] ?? []));
    const found = figures(ENTITY_METRICS, answers);
    expect(found.entity_f1).toBeCloseTo(golden.f1, DIGITS);
    expect(found.entity_precision).toBeCloseTo(golden.precision, DIGITS);
    expect(found.entity_recall).toBeCloseTo(golden.recall, DIGITS);
  }
});

test("answers as SQuAD's script compares them", () => {
  const found = goldens.answers.map(({ given, predicted }) => compareAnswers(given, predicted));
  expect(found.map(({ exact }) => exact)).toEqual(goldens.answers.map(({ exact }) => exact));
  goldens.answers.forEach(({ f1 }, i) => {
    expect(found[i]?.f1).toBeCloseTo(f1, DIGITS);
  });
});

test("rankings as trec_eval counts them, ties and all", () => {
  // Its sums are those of C's double, its figures are not rounded.
  const names = {
    ndcg_at_10: "ndcg_cut_10",
    recall_at_10: "recall_10",
    recall_at_100: "recall_100",
    mrr: "recip_rank",
    accuracy_at_1: "success_1",
  };
  for (const { scores, relevance, figures: wanted } of goldens.ranking) {
    const ranked = rank(new Map(Object.entries(scores)), new Map(Object.entries(relevance)));
    const found = figures<RankedAnswer>([...RERANKING_METRICS, ...retrievalMetrics(1000)], [ranked]);
    for (const [own, name] of Object.entries(names))
      expect(found[own]).toBeCloseTo(wanted[name] ?? -1, DIGITS);
  }
});

test("summaries as rouge-score compares them", () => {
  for (const { reference, summary, ...wanted } of goldens.summaries) {
    const found = compareSummaries(reference, summary);
    expect(found.rouge1).toBeCloseTo(wanted.rouge1, DIGITS);
    expect(found.rouge2).toBeCloseTo(wanted.rouge2, DIGITS);
    expect(found.rougeL).toBeCloseTo(wanted.rougeL, DIGITS);
  }
});
