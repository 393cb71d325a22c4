import { isDeepStrictEqual } from "node:util";
import { CheckpointError } from "../../../src/base/errors.js";
import { isRecord } from "../../../src/json/json-edit.js";
import { addTokens, chooseIds } from "../../../src/tokenizer/add-tokens.js";
import { raiseLength } from "../../../src/tokenizer/raise-length.js";
import { sentencePieces } from "../../../src/tokenizer/sentencepiece.js";
import { findTemplate } from "../../../src/tokenizer/template.js";
import { findTokens } from "../../../src/tokenizer/vocabulary.js";
import { must, type Target } from "../target.js";

/** Protobuf: the same pieces each time, and no more of them than there are bytes. */
export const sentencepiece: Target = {
  kind: "bytes",
  fixtures: [
    "albert/checkpoint/spiece.model",
    "camembert/checkpoint/sentencepiece.bpe.model",
    "tokenizers/albert/vocabulary/spiece.model",
  ],
  words: [
    "\n\x05\n\x03",
    "\x15\0\0\x80\x3f",
    "\x18\x02",
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "\x80\x80",
    "\x0b",
    "\x0c",
  ],
  refusals: [CheckpointError],
  check(input) {
    const pieces = [...sentencePieces(input, "fuzz")];
    must(pieces.length <= input.length, "a piece takes a byte at least");
    must(isDeepStrictEqual(pieces, [...sentencePieces(input, "fuzz")]), "they are the same each time");
  },
};

const TOKENS = ["<fuzz>", "[MASK]"];

/** What a conversion edits in a tokenizer: the tokens and the length, and nothing else. */
export const tokenizer: Target = {
  kind: "json",
  fixtures: [
    "albert/checkpoint/tokenizer.json",
    "bart/checkpoint/tokenizer.json",
    "bert/checkpoint-700/tokenizer.json",
  ],
  words: [
    '"added_tokens"',
    '"post_processor"',
    '"Sequence"',
    '"vocab"',
    '"content"',
    '"[MASK]"',
    '"id":',
    '"truncation"',
    '{"max_length":9}',
    "[[",
    "]]",
    "{",
    "}",
    "\\u",
  ],
  refusals: [CheckpointError],
  check(input) {
    const file = "tokenizer.json";
    const { ids } = chooseIds(TOKENS, new Map([[file, input]]), "BertTokenizer");
    const raised = raiseLength(file, addTokens(file, input, ids), { from: 8, to: 16, writesNoMore: false });
    const found = findTokens(TOKENS, new Map([[file, raised.content]]), {
      sentencepiece: undefined,
    } as never);
    for (const token of TOKENS) must(found.get(token)?.id === ids[token], `${token} has its id`);
    const { head, tail, separator } = findTemplate(new Map([[file, input]]), "BertTokenizer");
    must(
      [head, tail, ...separator].every((one) => one >= 0 && Number.isSafeInteger(one)),
      "counts and ids",
    );
    const [before, after] = [input, raised.content].map((text) => untouched(text));
    must(isDeepStrictEqual(before, after), "nothing else is changed");
  },
};

/** All that neither tokens nor a length change. */
function untouched(text: Buffer): unknown {
  const value: unknown = JSON.parse(text.toString().replace(/^\uFEFF/, ""));
  const { added_tokens: _, truncation: __, padding: ___, ...others } = isRecord(value) ? value : {};
  return others;
}
