import type { Head } from "../architectures/architecture.js";
import { TASKS, taskOf } from "../architectures/tasks.js";
import { OptionError } from "../base/errors.js";

/**
 * The head of question answering over many documents, as the Longformer paper does it for WikiHop: an input holds the
 * question, the candidates, and a part of the texts. A candidate's score is that of the token before it.
 * @param own a head that scores tokens
 * @throws OptionError for any other
 */
export function scoringHead(own: Head): Head {
  if (taskOf(own).candidates === undefined) throw notScoring(`its head is one for ${own.auto}`);
  return { ...own, auto: "CandidateScoring" };
}

/** @throws OptionError unless each token has one score */
export function requireOneScore(labels: number): void {
  if (labels !== 1) throw notScoring(`its head gives a token ${labels} scores, not one`);
}

function notScoring(reason: string): OptionError {
  return new OptionError(
    `--task ${TASKS.CandidateScoring.name}: the checkpoint scores no candidates: ${reason}`,
    "Train a …ForTokenClassification with num_labels 1, as docs/wikihop.md shows.",
  );
}
