import { largestOf, smallestOf } from "../../base/extremes.js";
import type { Model } from "../../model/model.js";
import { counted } from "../../report/numbers.js";
import type { TokenIdMap } from "../../tokenizer/add-tokens.js";
import { tokenizerClassOf } from "../../tokenizer/class-name.js";
import { findTokens, type TokenizerFiles } from "../../tokenizer/vocabulary.js";
import { judge, type Outcome } from "../check.js";

/** Looks whether tokens that a conversion added are in the tokenizer with their ids, and have rows in the embeddings. */
export function checkAddedTokens(
  files: TokenizerFiles,
  { architecture, sizes }: Model,
  tokens: TokenIdMap,
): Outcome {
  const found = findTokens(Object.keys(tokens), files, tokenizerClassOf(files, architecture.tokenizerClass));
  const findings = Object.entries(tokens).flatMap(([token, id]) => {
    const own = found.get(token);
    if (own?.id !== id) {
      return [`${token} ${own ? `has the id ${own.id} in ${own.foundIn}` : "is in no file"}, expected ${id}`];
    }
    return id < sizes.vocab ? [] : [`${token} has the id ${id}, the model knows ${sizes.vocab} words`];
  });
  const ids = Object.values(tokens);
  return judge(
    findings,
    `${counted(ids.length, "token")}, ids ${smallestOf(ids)} to ${largestOf(ids)}; the model knows ${sizes.vocab} words`,
    `${counted(findings.length, "fault")} in the added tokens`,
    "Convert the original again.",
  );
}
