import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import { findSpecialTokens, TOKENIZER_FILES } from "../../src/tokenizer/special-tokens.js";

import { answers, defaultsOf, files, folder } from "./folders.js";

interface Answer {
  readonly token: string;
  readonly id: number;
}

const EXPECTED = answers<Record<"bos" | "mask", Answer | null>>("expected.json");

const BERT = "BertTokenizer";

describe("findSpecialTokens agrees with AutoTokenizer", () => {
  it.each(Object.keys(EXPECTED))("%s", (name) => {
    const contents = folder(name);
    const { bos, mask } = findSpecialTokens(contents, defaultsOf(contents));
    const answer = (token: Answer | undefined) => (token ? { token: token.token, id: token.id } : null);
    expect({ bos: answer(bos), mask: answer(mask) }).toEqual(EXPECTED[name]);
  });
});

describe("findSpecialTokens", () => {
  it.each([
    ["bert/vocabulary", "vocab.txt"],
    ["bert/fast", "tokenizer.json"],
    ["bert/tokenizer-json-alone", "tokenizer.json"],
    ["bert/added-tokens", "added_tokens.json"],
    ["roberta/added-tokens-decoder", "tokenizer_config.json"],
    ["roberta/vocabulary", "vocab.json"],
    ["albert/vocabulary", "spiece.model"],
    ["xlm-roberta/vocabulary", "sentencepiece.bpe.model"],
  ])("says where it found an id: %s", (name, file) => {
    const contents = folder(name);
    expect(findSpecialTokens(contents, defaultsOf(contents)).mask?.foundIn).toBe(file);
  });

  it("needs no file beyond those it lists", () => {
    for (const [name, expected] of Object.entries(EXPECTED)) {
      const all = folder(name);
      const listed = new Map(
        [...all].filter(([file]) => (TOKENIZER_FILES as readonly string[]).includes(file)),
      );
      expect(findSpecialTokens(listed, defaultsOf(all)).mask?.id).toBe(expected.mask?.id);
    }
  });

  it("takes the model type's tokens where the tokenizer class is unknown", () => {
    const config = { tokenizer_class: "OurOwnTokenizer" };
    const found = findSpecialTokens(
      files({ "tokenizer_config.json": config, "vocab.txt": "[CLS]\n[MASK]\n" }),
      BERT,
    );
    expect(found.mask).toEqual({ token: "[MASK]", id: 1, foundIn: "vocab.txt" });
  });

  it("takes nothing but the files' tokens for a tokenizer without a class of its own", () => {
    const config = { tokenizer_class: "PreTrainedTokenizerFast", cls_token: "[CLS]" };
    const found = findSpecialTokens(
      files({ "tokenizer_config.json": config, "vocab.txt": "[CLS]\n[MASK]\n" }),
      BERT,
    );
    expect(found).toMatchObject({ bos: { token: "[CLS]", id: 0, foundIn: "vocab.txt" }, mask: undefined });
  });

  it("does not find a class called __proto__ or constructor", () => {
    for (const tokenizer_class of ["__proto__", "constructor"]) {
      const contents = files({ "config.json": { tokenizer_class }, "vocab.txt": "[MASK]\n" });
      expect(findSpecialTokens(contents, BERT).mask?.id).toBe(0);
    }
  });

  it("passes over a bos token that no file numbers, for the cls token", () => {
    const contents = files({ "tokenizer_config.json": { bos_token: "<s>" }, "vocab.txt": "[MASK]\n[CLS]\n" });
    expect(findSpecialTokens(contents, BERT).bos).toMatchObject({ token: "[CLS]", id: 1 });
  });

  it("finds nothing without files", () => {
    const nothing = { bos: undefined, mask: undefined };
    expect(findSpecialTokens(new Map(), BERT)).toMatchObject({ ...nothing, named: nothing });
  });

  it("says which tokens the files themselves name, with an id or without", () => {
    const named = (contents: Record<string, string | object>) =>
      findSpecialTokens(files(contents), BERT).named;
    expect(named({ "vocab.txt": "[CLS]\n[MASK]\n" })).toEqual({ bos: undefined, mask: undefined });
    expect(named({ "tokenizer_config.json": { cls_token: "<b>", mask_token: "<m>" } })).toEqual({
      bos: "<b>",
      mask: "<m>",
    });
  });

  it("prefers added_tokens to the vocabulary of tokenizer.json, and reads escapes", () => {
    const json =
      '{"added_tokens":[{"id":7,"content":"[MASK]"}],"model":{"vocab":{"[MASK]":3,"[\\u0043LS]":4}}}';
    expect(findSpecialTokens(files({ "tokenizer.json": json }), BERT)).toMatchObject({
      bos: { id: 4 },
      mask: { id: 7 },
    });
  });

  it("prefers tokenizer.json to the files of the slow tokenizer", () => {
    const contents = files({
      "tokenizer.json": { added_tokens: [{ id: 7, content: "[MASK]" }], model: null },
      "vocab.txt": "[MASK]\n[CLS]\n",
    });
    expect(findSpecialTokens(contents, BERT)).toMatchObject({
      bos: { id: 1, foundIn: "vocab.txt" },
      mask: { id: 7, foundIn: "tokenizer.json" },
    });
  });

  it.each([
    ["a string", { "vocab.json": { "[MASK]": "4" } }, 'vocab.json gives "[MASK]" the id "4"'],
    ["a negative number", { "vocab.json": { "[MASK]": -1 } }, 'vocab.json gives "[MASK]" the id -1'],
    ["a fraction", { "added_tokens.json": { "[MASK]": 1.5 } }, 'added_tokens.json gives "[MASK]" the id 1.5'],
    [
      "a word",
      { "tokenizer_config.json": { added_tokens_decoder: { last: { content: "[MASK]" } } } },
      'tokenizer_config.json gives "[MASK]" the id null',
    ],
    [
      "nothing",
      { "tokenizer.json": { added_tokens: [{ content: "[MASK]" }] } },
      'tokenizer.json gives "[MASK]" the id undefined',
    ],
  ])("refuses an id that is %s", (_crime, contents, message) => {
    expect(() => findSpecialTokens(files(contents), BERT)).toThrow(new CheckpointError(message));
  });

  it("refuses a token that is no text", () => {
    const contents = files({ "special_tokens_map.json": { mask_token: 5 } });
    expect(() => findSpecialTokens(contents, BERT)).toThrow(
      'special_tokens_map.json has 5 as mask_token, expected a token or an object with its "content"',
    );
  });

  it.each([
    "config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "vocab.json",
  ])("names a damaged %s", (file) => {
    expect(() => findSpecialTokens(files({ [file]: '{"a":' }), BERT)).toThrow(`${file} is not a JSON object`);
  });
});
