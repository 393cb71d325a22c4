import type { Head } from "../architectures/architecture.js";
import { type AutoClass, hubTask } from "../architectures/tasks.js";
import { OptionError } from "../base/errors.js";

/** What is predicted of a document, which follows from the head that reads it. */
export type PredictionKind =
  /** One of the labels for a text or a pair, or a score for each. */
  | "classes"
  /** Labels of tokens, put together to entities. */
  | "entities"
  /** A part of the second text that answers the first. */
  | "answer"
  /** Words in the place of masks. */
  | "words"
  /** One of several texts. */
  | "choice"
  /** One vector for a text, or, of a ColBERT, one for each token. */
  | "embedding"
  /** A new text: a summary, a translation. */
  | "text";

const KIND_OF_HEAD: Readonly<Record<AutoClass, PredictionKind | { readonly refused: string }>> = {
  Model: "embedding",
  MaskedLM: "words",
  CausalLM: { refused: "it writes on behind a text, token by token, and there is no cache for that here" },
  Seq2SeqLM: "text",
  PreTraining: "words",
  NextSentencePrediction: "classes",
  SequenceClassification: "classes",
  TokenClassification: "entities",
  QuestionAnswering: "answer",
  MultipleChoice: "choice",
  CandidateScoring: { refused: "it scores candidates that stand in many windows: docs/wikihop.md shows how" },
};

/**
 * What a head predicts.
 * @param head undefined for one that embeds: modules behind the transformer, or the base model
 * @throws OptionError for one that predicts nothing of a document by itself
 */
export function predictionKind(head: Head | undefined): PredictionKind {
  if (!head) return "embedding";
  const kind = KIND_OF_HEAD[head.auto];
  // Of ELECTRA's pre-training nothing scores words.
  const isDiscriminator = kind === "words" && hubTask(head) === undefined;
  if (typeof kind === "string" && !isDiscriminator) return kind;
  const reason = typeof kind === "string" ? "it tells which tokens were replaced" : kind.refused;
  throw new OptionError(
    `a ${head.auto} head predicts nothing of a document: ${reason}`,
    "With --task feature-extraction its embeddings are written.",
  );
}
