import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FIXTURES } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { editTensor, set, takenFrom } from "./damage.js";
import { convertedSmallBert, expectSound, testCrimes } from "./support.js";

keepTokenizers();

const ENCODER = "longformer.encoder.layer.0.attention.self";
const POSITIONS = "longformer.embeddings.position_embeddings.weight";

const OUTPUTS = ["lossless", "lossless-head", "predictions"];
const GRAPH = ["graph-bytes", "graph-op", "graph"];

const given = { to: "longformer", onnx: true };
const filler = convertedSmallBert({}, given);
const narrow = convertedSmallBert({}, { ...given, attentionWindow: "16" });
const classifier = convertedSmallBert(
  {
    config: { architectures: ["BertForSequenceClassification"] },
    shapes: {
      "bert.pooler.dense.weight": [4, 4],
      "bert.pooler.dense.bias": [4],
      "classifier.weight": [2, 4],
      "classifier.bias": [2],
    },
  },
  given,
);

describe("sound conversions to Longformer", () => {
  test.each<[modelType: string, given: Record<string, unknown>]>([
    ["roberta", { onnx: true }],
    ["camembert", { onnx: true, globalAttention: "input", attentionWindow: "32,64" }],
    ["xlm-roberta", { preset: "reference", attentionWindow: "16", attentionDilation: "1,2", onnx: true }],
    ["roberta", { attentionWindow: "8,16", attentionDilation: "1:2:1:3,2", onnx: true }],
    ["longformer", { attentionDilation: "2:1:3:1,5", onnx: true, globalAttention: "input" }],
    ["distilbert", { onnx: true }],
    // With more token types than its inputs name; with task types.
    ["data2vec-text", { onnx: true }],
    ["ernie", { onnx: true, architecture: "ErnieModel" }],
    // Its base class is called Encoder.
    ["bert-generation", { onnx: true, architecture: "BertGenerationEncoder" }],
    ["bart", { onnx: true, attentionWindow: "64" }],
    ["longformer", { onnx: true }],
    ["led", { onnx: true }],
  ])("%s %j", async (modelType, options) => {
    const source = join(FIXTURES, modelType, "checkpoint");
    const { passed } = await expectSound(
      source,
      { to: "longformer", maxSequenceLength: 700, ...options },
      [1, 5, 32, 96],
    );
    expect(passed).toEqual(expect.arrayContaining(["graph-bytes", "graph-op", "graph"]));
  });
});

describe("a Longformer that fills masks, none of whose tokens is global", () => {
  testCrimes(filler, {
    "a projection of global tokens changed": {
      damage: (folder) =>
        editTensor(folder, `${ENCODER}.key_global.weight`, (bytes) => bytes.writeFloatLE(9, 4)),
      fails: ["weights"],
      says: /key_global\.weight: 1 of 4 rows \(0\) are not as planned/,
    },
    "a row before its positions changed": {
      damage: (folder) => editTensor(folder, POSITIONS, (bytes) => bytes.writeFloatLE(9, 0)),
      fails: ["weights", "graph-bytes"],
      says: /position_embeddings\.weight: 1 of 100 rows \(0\)/,
    },
    "its positions one row too early": {
      damage: (folder) =>
        editTensor(folder, POSITIONS, (bytes, size) => void bytes.copy(bytes, 0, size, bytes.length)),
      fails: ["weights", ...OUTPUTS, "graph-bytes", "graph"],
      says: /position_embeddings\.weight: \d+ of 100 rows/,
    },
    "narrower windows in its config": {
      damage: set("config.json", "attention_window", [8]),
      fails: ["config", "promise", "lossless", "lossless-head", ...GRAPH],
      says: /config\.json: attention_window\.0 is 8, expected 64/,
    },
    "dilated windows in its config": {
      damage: set("config.json", "attention_dilation", [3]),
      fails: ["config", "promise", ...OUTPUTS, ...GRAPH],
      says: /attention_dilation/,
    },
    "another separator": {
      damage: set("config.json", "sep_token_id", 5),
      fails: ["config"],
      says: /config\.json: sep_token_id is 5, expected 41/,
    },
    "the graph of narrower windows": {
      damage: takenFrom(narrow, "onnx/model.onnx"),
      fails: GRAPH,
      says: /onnx\/model\.onnx differs from byte/,
    },
  });
});

describe("a Longformer that classifies, whose first token is global", () => {
  testCrimes(classifier, {
    "a projection of global tokens changed": {
      damage: (folder) =>
        editTensor(folder, `${ENCODER}.value_global.weight`, (bytes) => bytes.writeFloatLE(9, 4)),
      fails: ["weights", "lossless", "lossless-head", "graph-bytes", "graph"],
      says: /value_global\.weight: 1 of 4 rows \(0\)/,
    },
  });
});
