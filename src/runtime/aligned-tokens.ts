import type { Tokenizer } from "@huggingface/tokenizers";
import type { AlignedTokens, Texts } from "./text-tokenizer.js";

/** Tokenizes with the places of the tokens, which the library leaves out. */
export function alignTokens(tokenizer: Tokenizer, texts: Texts): AlignedTokens {
  const [text, pair] = "words" in texts ? [texts.words.join(" "), undefined] : [texts.text, texts.pair];
  const { ids, token_type_ids: types } = tokenizer.encode(text, {
    ...(pair !== undefined && { text_pair: pair }),
    return_token_type_ids: true,
  });
  const none = ids.map(() => 0);
  return { ids, types: types ?? none, sources: none, starts: none, ends: none };
}
