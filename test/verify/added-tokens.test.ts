import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { edit, editTensor } from "./damage.js";
import { writeSmallBart } from "./small-bart.js";
import {
  checksOf,
  convertedSmallBert,
  expectSound,
  failing,
  testCrimes,
  testFileCrimes,
  textOf,
} from "./support.js";

keepTokenizers();

const addTokens = "[question],[/question],[ent],[/ent]";
const WORDS = "bert.embeddings.word_embeddings.weight";

const filler = convertedSmallBert({}, { addTokens });
const scorer = convertedSmallBert(
  {
    config: {
      architectures: ["BertForTokenClassification"],
      id2label: { 0: "score" },
      label2id: { score: 0 },
    },
    shapes: { "classifier.weight": [1, 4], "classifier.bias": [1] },
  },
  { addTokens, to: "longformer", onnx: true, task: "candidate-scoring" },
);

describe("tokens that a conversion added", () => {
  test("words that are filled in: scores of the old ones are the original's", async () => {
    const { checks, passed } = await expectSound(filler.source, { maxSequenceLength: 96, addTokens });
    expect(passed).toEqual(expect.arrayContaining(["added-tokens", "lossless-head", "predictions"]));
    expect(textOf(checks, "added-tokens")).toMatch(/4 tokens, ids 105 to 108; the model knows 109 words/);
  });

  test("an encoder-decoder writes what the original writes", async () => {
    const source = writeSmallBart(join(await temporaryFolder(), "original"));
    const { passed } = await expectSound(source, { maxSequenceLength: 96, addTokens });
    expect(passed).toEqual(expect.arrayContaining(["added-tokens", "lossless-head", "generation"]));
  });

  testFileCrimes(filler, {
    "with another id in the tokenizer": {
      damage: (folder) =>
        edit(folder, "tokenizer.json", ({ added_tokens }) => {
          added_tokens.at(-1).id = 90;
        }),
      fails: ["files", "added-tokens"],
      says: /added_tokens\.\d+\.id is 90, expected 108/,
    },
    "with an old row changed": {
      damage: (folder) => editTensor(folder, WORDS, (bytes) => bytes.writeFloatLE(9, 4 * 4 * 104)),
      fails: ["weights"],
      says: /word_embeddings\.weight: 1 of 109 rows \(104\)/,
    },
    "with a new row that nobody drew": {
      damage: (folder) => editTensor(folder, WORDS, (bytes) => bytes.fill(0, 4 * 4 * 108)),
      fails: ["weights"],
      says: /word_embeddings\.weight: 1 of 109 rows \(108\)/,
    },
  });

  test("are looked for without the original, too", async () => {
    const folder = await filler.copy();
    for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
      edit(folder, file, (json) => {
        json.added_tokens_decoder = undefined;
        json.added_tokens?.splice(-1);
      });
    }
    // The record names no folder that is beside this one.
    const checks = await checksOf(folder, {}, "files");
    expect(textOf(checks, "original")).toMatch(/NOTHING WAS COMPARED/);
    expect(failing(checks)).toEqual(["added-tokens"]);
    expect(textOf(checks, "added-tokens")).toMatch(/\[\/ent\] is in no file, expected 108/);
  });
});

describe("a graph that scores candidates", () => {
  testCrimes(scorer, {
    "of other weights": {
      damage: (folder) => editTensor(folder, "classifier.weight", (bytes) => bytes.writeFloatLE(9, 0)),
      fails: ["weights", "lossless-head", "predictions", "graph-bytes", "graph"],
      says: /classifier\.weight: 1 of 1 rows/,
    },
    "for other tokens": {
      damage: async (folder) => {
        const options = {
          addTokens: "x,y,[ent],[/ent]",
          to: "longformer",
          onnx: true,
          task: "candidate-scoring",
        };
        const more = { maxSequenceLength: 96, force: true };
        await convert(scorer.source, folder, parseConvertOptions({ ...options, ...more }));
        edit(folder, "tokenizer.json", ({ added_tokens }) => {
          [added_tokens.at(-1).id, added_tokens.at(-2).id] = [added_tokens.at(-2).id, added_tokens.at(-1).id];
        });
      },
      fails: ["files", "added-tokens", "graph-bytes", "graph"],
      says: /added_tokens/,
    },
  });

  test("is sound as it was written", async () => {
    const checks = await checksOf(
      scorer.folder,
      { against: scorer.source, lengths: [1, 4, 32, 96] },
      "outputs",
    );
    expect(failing(checks), JSON.stringify(checks, null, 1)).toEqual([]);
    expect(textOf(checks, "graph")).toMatch(/4 lengths up to 96 tokens, 2 windows each/);
  });
});
