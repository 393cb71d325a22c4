import { describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import { limitsLength, raiseLength } from "../../src/tokenizer/raise-length.js";

const LENGTHS = { from: 512, to: 4096, writesNoMore: false };

const raise = (path: string, content: string) => {
  const result = raiseLength(path, Buffer.from(content), LENGTHS);
  return { content: result.content.toString(), edits: result.edits };
};

const TOKENIZER_JSON = `{
  "version": "1.0",
  "truncation": {
    "direction": "Right",
    "max_length": 128,
    "strategy": "LongestFirst",
    "stride": 7
  },
  "padding": {
    "strategy": {
      "Fixed": 128
    },
    "direction": "Right",
    "pad_to_multiple_of": 8,
    "pad_id": 3,
    "pad_type_id": 0,
    "pad_token": "[PAD]"
  },
  "model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["\\u2581", -1e-3]]}
}
`;

describe("raiseLength", () => {
  it("raises truncation and unfixes padding in tokenizer.json, and leaves every other byte", () => {
    const { content, edits } = raise("tokenizer.json", TOKENIZER_JSON);
    expect(content).toBe(
      TOKENIZER_JSON.replace('"max_length": 128', '"max_length": 4096').replace(
        /\{\n {6}"Fixed": 128\n {4}\}/,
        '"BatchLongest"',
      ),
    );
    expect(edits).toEqual([
      { file: "tokenizer.json", key: "truncation.max_length", from: 128, to: 4096 },
      { file: "tokenizer.json", key: "padding.strategy", from: { Fixed: 128 }, to: "BatchLongest" },
    ]);
  });

  it("leaves a tokenizer.json alone that neither truncates nor pads", () => {
    const json = Buffer.from('{"truncation": null, "padding": null, "model": {}}');
    expect(raiseLength("tokenizer.json", json, LENGTHS)).toEqual({ content: json, edits: [] });
    expect(raiseLength("tokenizer.json", json, LENGTHS).content).toBe(json);
  });

  it("leaves padding to the longest text alone", () => {
    const json = '{"truncation":null,"padding":{"strategy":"BatchLongest","pad_id":0}}';
    expect(raise("tokenizer.json", json).content).toBe(json);
  });

  it("sets model_max_length, also where it is missing or meant no limit", () => {
    expect(raise("tokenizer_config.json", '{"do_lower_case": true}').content).toBe(
      '{"do_lower_case": true, "model_max_length": 4096}',
    );
    const endless = '{"model_max_length": 1000000000000000019884624838656}';
    expect(raise("tokenizer_config.json", endless)).toEqual({
      content: '{"model_max_length": 4096}',
      edits: [{ file: "tokenizer_config.json", key: "model_max_length", from: 1e30, to: 4096 }],
    });
  });

  it("raises the other names of the length where they are numbers", () => {
    const json = '{"max_len": 512, "max_length": null, "model_max_length": 4096}';
    expect(raise("tokenizer_config.json", json)).toEqual({
      content: '{"max_len": 4096, "max_length": null, "model_max_length": 4096}',
      edits: [{ file: "tokenizer_config.json", key: "max_len", from: 512, to: 4096 }],
    });
  });

  it("raises max_seq_length of a sentence-transformers folder, in subfolders too", () => {
    const path = "0_Transformer/sentence_bert_config.json";
    expect(raise(path, '{\n    "max_seq_length": 256,\n    "do_lower_case": false\n}')).toEqual({
      content: '{\n    "max_seq_length": 4096,\n    "do_lower_case": false\n}',
      edits: [{ file: path, key: "max_seq_length", from: 256, to: 4096 }],
    });
  });

  it("raises the length that sentence-transformers hands to the tokenizer", () => {
    const json = '{"max_seq_length":null,"tokenizer_args":{"model_max_length":256,"padding_side":"left"}}';
    expect(raise("sentence_roberta_config.json", json).content).toBe(json.replace("256", "4096"));
  });

  it.each(["vocab.txt", "config.json", "1_Pooling/config.json", "__proto__", "tokenizer.json.bak"])(
    "has no business with %s",
    (path) => {
      const content = Buffer.from('{"max_seq_length": 256, "model_max_length": 256');
      expect(limitsLength(path)).toBe(false);
      expect(raiseLength(path, content, LENGTHS)).toEqual({ content, edits: [] });
    },
  );

  it.each([
    ["sub/tokenizer_config.json", ""],
    ["sub/tokenizer.json", "version https://git-lfs.github.com/spec/v1\n"],
    ["sub/sentence_bert_config.json", "[1]"],
  ])("names a damaged %s", (path, content) => {
    expect(() => raise(path, content)).toThrow(CheckpointError);
    expect(() => raise(path, content)).toThrow(`${path} is not a JSON object: expected "{" at byte 0`);
  });
});
