import type { LabelScore, ModelInput } from "../../predict/types.js";
import { RERANKING_METRICS, RETRIEVAL_METRICS, rank } from "../metrics/ranking.js";
import type { Collection } from "./collection.js";
import { figuresOf, type Job, predictions } from "./job.js";
import { cosine, packVector, unpackVector } from "./vectors.js";

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
    items,
    units: relevantItems,
    recipe: "embeddings",
    ask: askForEmbeddings(items),
    score(outcomes) {
      const vectors = (outcomes as string[]).map(unpackVector);
      return figuresOf(
        RETRIEVAL_METRICS,
        queries.map(({ candidates, relevance }, i) => {
          const query = vectors[ids.length + i] as Float32Array;
          const scores = candidates.map((id): [string, number] => [
            id,
            cosine(query, vectors[place.get(id) ?? -1] as Float32Array),
          ]);
          return rank(new Map(scores), relevance);
        }),
      );
    },
  };
}

export function askForEmbeddings(items: readonly ModelInput[]): Job["ask"] {
  return predictions(items, "embedding", ({ embedding }) => packVector(embedding));
}
