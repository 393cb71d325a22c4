import { Tokenizer } from "@huggingface/tokenizers";
import { CheckpointError } from "../base/errors.js";
import { parseObject } from "../checkpoint/checkpoint.js";
import { alignTokens } from "./alignment/align.js";
import { serve } from "./serve.js";
import { TOKENIZER_FILES, type TokenizerRequest } from "./text-tokenizer.js";

// A program of its own: what a tokenizer does is up to regular expressions and rules that strangers wrote.
let opened: Tokenizer | undefined;
serve(answer);

/** Tokens that a character may become: four bytes at most, or what it stands for in compatibility forms. */
const MOST_TOKENS = 64;

/** Characters of a token's text; the longest words of vocabularies have some hundred. */
const MOST_CHARACTERS = 10_000;

async function answer(request: TokenizerRequest): Promise<unknown> {
  if (request.kind === "open") {
    const [tokenizer, settings] = request.files.map(
      (content, i) => content && parseObject(Buffer.from(content), TOKENIZER_FILES[i] as string),
    );
    opened = new Tokenizer(tokenizer ?? {}, settings ?? {});
    return encode(opened, request.sample);
  }
  if (!opened) throw new Error("no tokenizer was named");
  const tokenizer = opened;
  switch (request.kind) {
    case "encode":
      return encode(tokenizer, request.text);
    case "align":
      return alignTokens(tokenizer, request.texts);
    case "decode": {
      const text = tokenizer.decode([...request.ids], { skip_special_tokens: true });
      return checked(text, request.ids.length);
    }
    case "tokens":
      return request.ids.map((id) => {
        const text = tokenizer.decode([id]).trim() || (tokenizer.id_to_token(id) ?? `#${id}`);
        return checked(text, 1);
      });
  }
}

function encode(tokenizer: Tokenizer, text: string): number[] {
  const { ids } = tokenizer.encode(text);
  if (ids.length <= MOST_TOKENS * (text.length + 1)) return ids;
  throw new CheckpointError(
    `${TOKENIZER_FILES[0]} makes ${ids.length} tokens of ${text.length} characters`,
    "Take the tokenizer of the model that this one was made from.",
  );
}

function checked(text: string, tokens: number): string {
  return text.length > MOST_CHARACTERS * tokens ? `${text.slice(0, MOST_CHARACTERS * tokens)}…` : text;
}
