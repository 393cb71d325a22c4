import type { LabelScore, ModelInput, Prediction } from "../../predict/types.js";
import { RERANKING_METRICS, rank, retrievalMetrics } from "../metrics/ranking.js";
import type { Collection } from "./collection.js";
import { figuresOf, type Job, predictions } from "./job.js";
import { cosine, dot, packVector, unpackVector } from "./vectors.js";

/** A reranker reads each query with each of its candidates. */
export function rerankingJob({ documents, queries }: Collection, labels: readonly string[]): Job {
  const pairs = queries.flatMap(({ text, candidates }, query) =>
    candidates.map((document) => ({ query, document, text })),
  );
  const items = pairs.map(
    ({ text, document }): ModelInput => ({ kind: "text", text, pair: documents.get(document) ?? "" }),
  );
  const ofQuery = queries.map((_, query) => pairs.flatMap((pair, i) => (pair.query === query ? [i] : [])));
  return {
    title: "reranking",
    noun: "query",
    lengthOf: "with pairs",
    items,
    units: ofQuery,
    recipe: "pairs",
    ask: predictions(items, "classes", ({ labels: found }) => relevanceScore(found, labels)),
    score: (outcomes) =>
      figuresOf(
        RERANKING_METRICS,
        queries.map(({ relevance }, query) => {
          const own = ofQuery[query] ?? [];
          return rank(new Map(own.map((i) => [pairs[i]?.document ?? "", outcomes[i] as number])), relevance);
        }),
      ),
  };
}

/** Of a head with one label its score; with two that of the second, as of a classifier of pairs that fit or do not. */
function relevanceScore(found: readonly LabelScore[], labels: readonly string[]): number {
  const wanted = labels.at(-1);
  return found.find(({ label }) => label === wanted)?.score ?? Number.NaN;
}

/** An embedder reads each text once; documents are ordered by the cosine to a query, of ColBERTs by MaxSim. */
export function retrievalJob({ documents, queries }: Collection): Job {
  const ids = [...documents.keys()];
  const items = [...documents.values(), ...queries.map(({ text }) => text)].map(
    (text): ModelInput => ({ kind: "text", text }),
  );
  const place = new Map(ids.map((id, i) => [id, i]));
  const relevantItems = queries.map(({ relevance }) =>
    [...relevance].flatMap(([id, grade]) => (grade > 0 ? [place.get(id) ?? []].flat() : [])),
  );
  return {
    title: queries.every(({ candidates }) => candidates.length === ids.length) ? "retrieval" : "reranking",
    noun: "query",
    lengthOf: "with documents",
    items,
    units: relevantItems,
    recipe: "embeddings",
    ask: askForEmbeddings(items),
    score(outcomes) {
      const vectors = (outcomes as Packed[]).map(unpacked);
      return figuresOf(
        retrievalMetrics(ids.length),
        queries.map(({ candidates, relevance }, i) => {
          const query = vectors[ids.length + i] ?? [];
          const scores = candidates.map((id): [string, number] => [
            id,
            similarity(query, vectors[place.get(id) ?? -1] ?? []),
          ]);
          return rank(new Map(scores), relevance);
        }),
      );
    },
  };
}

function askForEmbeddings(items: readonly ModelInput[]): Job["ask"] {
  return async function* (predictor, numbers) {
    const asked = numbers.map((number) => ({ input: items[number] as ModelInput }));
    for await (const { prediction, tokens, read } of predictor.predict(asked)) {
      yield { outcome: packed(prediction), tokens, read };
    }
  };
}

/** One vector, or one for each token. */
interface Packed {
  readonly width: number;
  readonly vectors: string;
}

function packed(prediction: Prediction): Packed {
  switch (prediction.kind) {
    case "embedding":
      return { width: prediction.embedding.length, vectors: packVector(prediction.embedding) };
    case "token embeddings":
      return { width: prediction.width, vectors: packVector(prediction.embeddings) };
    default:
      throw new Error(`a prediction is ${prediction.kind}, not an embedding`);
  }
}

function unpacked({ width, vectors }: Packed): Float32Array[] {
  const all = unpackVector(vectors);
  return Array.from({ length: all.length / width }, (_, i) => all.subarray(i * width, (i + 1) * width));
}

/** Of one vector each the cosine; of one for each token the sum of each query token's best product (ColBERT's MaxSim). */
function similarity(query: readonly Float32Array[], document: readonly Float32Array[]): number {
  const [a, b] = [query[0], document[0]];
  if (query.length === 1 && document.length === 1 && a && b) return cosine(a, b);
  return query.reduce((sum, own) => {
    let best = Number.NEGATIVE_INFINITY;
    for (const other of document) best = Math.max(best, dot(own, other));
    return sum + best;
  }, 0);
}
