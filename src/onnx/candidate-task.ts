import type { AutoClass, Head } from "../architectures/architecture.js";
import { OptionError } from "../base/errors.js";

/**
 * The task of question answering over many documents, as the Longformer paper does it for WikiHop: an input holds the
 * question, the candidates, and a part of the texts. A candidate's score is that of the token before it.
 */
export const CANDIDATE_SCORING = "candidate-scoring";

/** No auto class of transformers: a TokenClassification with one label, of which some tokens' scores are wanted. */
export const CANDIDATE_SCORING_HEAD = "CandidateScoring" satisfies AutoClass;

/** The head that scores candidates, of one that scores tokens. @throws OptionError for any other */
export function scoringHead(own: Head): Head {
  if (own.auto !== "TokenClassification") throw notScoring(`its head is one for ${own.auto}`);
  return { ...own, auto: CANDIDATE_SCORING_HEAD };
}

/** @throws OptionError unless each token has one score */
export function requireOneScore(labels: number): void {
  if (labels !== 1) throw notScoring(`its head gives a token ${labels} scores, not one`);
}

function notScoring(reason: string): OptionError {
  return new OptionError(
    `--task ${CANDIDATE_SCORING}: the checkpoint scores no candidates: ${reason}`,
    "Train a …ForTokenClassification with num_labels 1, as docs/wikihop.md shows.",
  );
}
