import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import { addTokens, chooseIds, filesForTokens } from "../../src/tokenizer/add-tokens.js";
import { answers, defaultsOf, files, folder } from "./folders.js";

const ADDED = answers<Record<string, number>>("added.json");

/** Where transformers gives new tokens ids that others have, or names tokens that no file has. */
const NOT_LIKE_TRANSFORMERS = ["bert/duplicates", "t5/vocabulary"];

const TOKENS = { "[ent]": 9, "[/ent]": 10 };
const MATCHING = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

const edited = (file: string, content: object, tokens = TOKENS) =>
  JSON.parse(addTokens(file, Buffer.from(JSON.stringify(content)), tokens).toString());

describe("chooseIds agrees with add_special_tokens", () => {
  it.each(Object.keys(ADDED).filter((name) => !NOT_LIKE_TRANSFORMERS.includes(name)))("%s", (name) => {
    const contents = folder(name);
    const wanted = Object.keys(ADDED[name] ?? {});
    const { ids, added } = chooseIds(wanted, contents, defaultsOf(contents));
    expect(ids).toEqual(ADDED[name]);
    expect(added).toEqual(["[question]", "[ent]"]);
  });
});

describe("chooseIds refuses", () => {
  const refusal = (contents: Map<string, Buffer>, tokens = ["[ent]"]) => {
    try {
      return JSON.stringify(chooseIds(tokens, contents, "BertTokenizer"));
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
      return (error as CheckpointError).message;
    }
  };

  it("ids with gaps, in which transformers would count", () => {
    expect(refusal(folder("bert/duplicates"))).toMatch(/17 tokens, and ids up to 18/);
    const vocab = { "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[MASK]": 3, a: 7 };
    const tokenizer = { "tokenizer.json": { added_tokens: [], model: { vocab } } };
    expect(refusal(files(tokenizer))).toMatch(/5 tokens, and ids up to 7/);
  });

  it("a special token that would come behind the added ones", () => {
    const named = { "tokenizer_config.json": { mask_token: "<hidden>" }, "vocab.txt": "[CLS]\n[SEP]\na\n" };
    expect(refusal(files(named))).toMatch(/name the token "<hidden>" and give it no id/);
  });

  it("a folder without a tokenizer", () => {
    expect(refusal(files({ "config.json": {} }))).toMatch(/no tokenizer/);
  });
});

it("a vocabulary's last line needs no line break", () => {
  const lines = "[CLS]\n[SEP]\n[MASK]\na";
  for (const text of [lines, `${lines}\n`, `${lines.replaceAll("\n", "\r\n")}\r\n`]) {
    const { ids } = chooseIds(["[ent]", "a"], files({ "vocab.txt": text }), "BertTokenizer");
    expect(ids).toEqual({ "[ent]": 4, a: 3 });
  }
});

describe("addTokens", () => {
  it("appends to added_tokens of tokenizer.json, in the order of the ids", () => {
    const old = { id: 3, content: "<mask>", ...MATCHING, lstrip: true };
    const { added_tokens } = edited(
      "tokenizer.json",
      { added_tokens: [old], model: {} },
      {
        "[/ent]": 10,
        "[ent]": 9,
      },
    );
    expect(added_tokens).toEqual([
      old,
      { id: 9, content: "[ent]", ...MATCHING },
      { id: 10, content: "[/ent]", ...MATCHING },
    ]);
  });

  it("makes special what is added already, and leaves the rest of it", () => {
    const old = { id: 9, content: "[ent]", ...MATCHING, rstrip: true, special: false };
    const [first] = edited("tokenizer.json", { added_tokens: [old] }).added_tokens;
    expect(first).toEqual({ ...old, special: true });
    const decoder = { 9: { content: "[ent]", ...MATCHING, special: false } };
    const settings = edited("tokenizer_config.json", { added_tokens_decoder: decoder });
    expect(settings.added_tokens_decoder).toEqual({
      9: { content: "[ent]", ...MATCHING },
      10: { content: "[/ent]", ...MATCHING },
    });
  });

  it("keeps special tokens that have no name, under the name that they have", () => {
    const old = { content: "<x>", lstrip: false };
    for (const file of ["tokenizer_config.json", "special_tokens_map.json"]) {
      expect(edited(file, { additional_special_tokens: [old, "[ent]"] })).toEqual({
        additional_special_tokens: [old, "[ent]", "[/ent]"],
      });
      expect(edited(file, { extra_special_tokens: ["<x>"] })).toEqual({
        extra_special_tokens: ["<x>", "[ent]", "[/ent]"],
      });
    }
  });

  it("leaves settings alone that hold no ids, and other files", () => {
    expect(edited("tokenizer_config.json", { model_max_length: 7 })).toEqual({
      model_max_length: 7,
      additional_special_tokens: ["[ent]", "[/ent]"],
    });
    expect(edited("vocab.json", { a: 0 })).toEqual({ a: 0 });
  });

  it("numbers in added_tokens.json", () => {
    expect(edited("added_tokens.json", { "<x>": 8 })).toEqual({ "<x>": 8, ...TOKENS });
  });
});

describe("filesForTokens", () => {
  it("wants the older file where settings have no ids", () => {
    const bare = files({ "vocab.txt": "a\n" });
    expect(filesForTokens(bare)).toEqual({
      edited: [],
      created: ["tokenizer_config.json", "added_tokens.json"],
    });
    const old = files({ "tokenizer_config.json": {}, "special_tokens_map.json": {} });
    expect(filesForTokens(old).created).toEqual(["added_tokens.json"]);
    const complete = files({ "tokenizer_config.json": { added_tokens_decoder: {} }, "tokenizer.json": {} });
    expect(filesForTokens(complete)).toEqual({
      edited: ["tokenizer.json", "tokenizer_config.json"],
      created: [],
    });
  });
});
