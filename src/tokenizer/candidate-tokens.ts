import { CheckpointError } from "../base/errors.js";
import { tokenizerClassOf } from "./class-name.js";
import { findTokens, type TokenizerFiles } from "./vocabulary.js";

/** Ids of the tokens before and behind a candidate. */
export interface CandidateTokens {
  readonly start: number;
  readonly end: number;
}

/** Their texts, and those around the question: the Longformer paper's, for WikiHop. */
const START = "[ent]";
const END = "[/ent]";
const QUESTION = ["[question]", "[/question]"];

/**
 * The tokens between which a candidate stands.
 * @param defaultClass The model type's tokenizer class, for files that name none that is known here.
 * @throws CheckpointError if the tokenizer lacks them
 */
export function findCandidateTokens(files: TokenizerFiles, defaultClass: string): CandidateTokens {
  const found = findTokens([START, END], files, tokenizerClassOf(files, defaultClass));
  const idOf = (token: string) => {
    const id = found.get(token)?.id;
    if (id !== undefined) return id;
    throw new CheckpointError(
      `--task candidate-scoring: the tokenizer has no token ${token}, between which and its counterpart a candidate stands`,
      `Add them when converting: --add-tokens "${[...QUESTION, START, END].join()}"; then train the model with them.`,
    );
  };
  return { start: idOf(START), end: idOf(END) };
}
