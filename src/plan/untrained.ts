import { type AutoClass, type Outputs, TASKS } from "../architectures/tasks.js";
import type { LocalVariant } from "../attention/variants.js";

/** Of what nobody has measured. */
const UNKNOWN = "How good they are without training was not measured";

/**
 * What was measured of inputs longer than the original's, without training: a sentence for a model card, up to its full stop.
 * docs/quality.md says on which models, and has the errors.
 */
export const UNTRAINED: Readonly<Record<LocalVariant, Readonly<Record<Outputs, string>>>> = {
  lsg: {
    "hidden states":
      "Without training, tokens and mean embeddings of two small embedders were as near the original's as those of disjoint " +
      "chunks (cosine .909 against .905); overlapping windows were nearer (.930)",
    tokens:
      "Without training, a small masked language model lost as much as with disjoint chunks (.037 nats against .029); " +
      "overlapping windows lost nothing",
    classes:
      "Without training, a small classifier found what cutting the text hides from it (AUC .957, trained again .998, against .64), and a small " +
      "reranker was worse than with its texts cut (.50 against .58); overlapping windows were better at both (1.00 and .78)",
    answers: UNKNOWN,
    texts: UNKNOWN,
  },
  longformer: {
    "hidden states": UNKNOWN,
    tokens: UNKNOWN,
    classes: UNKNOWN,
    answers: UNKNOWN,
    texts: UNKNOWN,
  },
  windows: {
    "hidden states":
      "Tokens and mean embeddings of two small embedders were nearer the original's (cosine .930) than with disjoint chunks " +
      "(.905) or untrained LSG attention (.909)",
    tokens:
      "A small masked language model lost less than with disjoint chunks (by .029 nats) or untrained LSG attention (by .037)",
    classes:
      "A small classifier found what cutting the text hides from it (AUC 1.00 against .64), and a small reranker was better " +
      "than with its texts cut (.78 against .58)",
    answers: UNKNOWN,
    texts: UNKNOWN,
  },
};

/** A model card's sentences on how good long inputs are. */
export function untrainedSentences(variant: LocalVariant, auto: AutoClass): string {
  return `${UNTRAINED[variant][TASKS[auto].outputs]}. \`lsg evaluate\` measures this model on your own documents.`;
}
