import { describe } from "vitest";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { editTensor, editTensors, put, remove, set } from "./damage.js";
import { convertedSmallBart } from "./small-bart.js";
import { testCrimes, testFileCrimes } from "./support.js";

keepTokenizers();

const HEAD = ["lossless-head", "generation", "predictions"];
const ALL = ["lossless", ...HEAD];
const DECODER = "model.decoder";

const small = convertedSmallBart();
const classifier = convertedSmallBart(
  { config: { architectures: ["BartForSequenceClassification"] } },
  { onnx: true },
);
const base = convertedSmallBart({ config: { architectures: ["BartModel"] } });

const setConfig = (key: string, value: unknown) => set("config.json", key, value);

/** Moves all rows of a table one down, the last one to the top. */
const shifted = (name: string) => (folder: string) =>
  editTensor(folder, name, (bytes, size) => {
    const last = Buffer.from(bytes.subarray(-size));
    bytes.copy(bytes, size, 0, bytes.length - size);
    last.copy(bytes);
  });

describe("a decoder's weights", () => {
  testCrimes(small, {
    "one number of a matrix changed": {
      damage: (folder) =>
        editTensor(folder, `${DECODER}.layers.1.fc1.weight`, (bytes) => bytes.writeFloatLE(3, 0)),
      fails: ["weights", ...HEAD],
      says: /decoder\.layers\.1\.fc1\.weight: 1 of 12 rows \(0\) are not as planned/,
    },
    "its key bias zeroed": {
      damage: (folder) =>
        editTensor(folder, `${DECODER}.layers.0.self_attn.k_proj.bias`, (bytes) => bytes.fill(0)),
      fails: ["weights"],
      says: /decoder\.layers\.0\.self_attn\.k_proj\.bias: 8 of 8 values/,
    },
    "query and key of its attention to the encoder swapped": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const at = (part: string) => `${DECODER}.layers.0.encoder_attn.${part}_proj.weight`;
          const [query, key] = [tensors.get(at("q")), tensors.get(at("k"))];
          if (query && key) tensors.set(at("q"), key).set(at("k"), query);
        }),
      fails: ["weights", ...HEAD],
      says: /encoder_attn\.k_proj\.weight: 8 of 8 rows/,
    },
    "its layers swapped": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          for (const [name, tensor] of [...tensors]) {
            const other = name.replace("decoder.layers.0.", "decoder.layers.1.");
            const twin = tensors.get(other);
            if (other !== name && twin) tensors.set(name, twin).set(other, tensor);
          }
        }),
      fails: ["weights", ...HEAD],
      says: /decoder\.layers\.0\.\S+: \d+ of \d+ (rows|values)/,
    },
    "its position table shifted by one": {
      damage: shifted(`${DECODER}.embed_positions.weight`),
      fails: ["weights", ...HEAD],
      says: /decoder\.embed_positions\.weight: 98 of 98 rows/,
    },
    "its position table a row too short": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const name = `${DECODER}.embed_positions.weight`;
          const table = tensors.get(name);
          if (table) tensors.set(name, { ...table, shape: [97, 8], bytes: table.bytes.subarray(32) });
        }),
      fails: ["weights", "length", "load"],
      where: "length",
      says: /model\.decoder\.embed_positions\.weight has 97 rows, expected 98/,
    },
    "its position table as short as it was": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const name = `${DECODER}.embed_positions.weight`;
          const table = tensors.get(name);
          if (table) tensors.set(name, { ...table, shape: [34, 8], bytes: table.bytes.subarray(0, 34 * 32) });
        }),
      fails: ["weights", "length", "load"],
      where: "length",
      says: /model\.decoder\.embed_positions\.weight has 34 rows, expected 98/,
    },
    "the bias of its scores changed for one word": {
      damage: (folder) =>
        editTensor(folder, "final_logits_bias", (bytes) => bytes.writeFloatLE(1000, 4 * 50)),
      fails: ["weights", ...HEAD],
      says: /final_logits_bias: 1 of 1 rows \(0\) are not as planned/,
    },
    "the bias of its scores missing": {
      damage: (folder) => editTensors(folder, (tensors) => tensors.delete("final_logits_bias")),
      fails: ["weights", ...HEAD],
      says: /final_logits_bias is missing/,
    },
  });
});

describe("the encoder's weights", () => {
  testCrimes(small, {
    "its position table shifted by one": {
      damage: shifted("model.encoder.embed_positions.weight"),
      fails: ["weights", ...ALL],
      says: /encoder\.embed_positions\.weight: 98 of 98 rows/,
    },
    "the word embeddings of both changed": {
      damage: (folder) =>
        editTensor(folder, "model.shared.weight", (bytes) => bytes.writeFloatLE(9, 32 * 31)),
      fails: ["weights", ...ALL],
      says: /model\.shared\.weight: 1 of 130 rows \(31\)/,
    },
  });
});

describe("a setting", () => {
  testCrimes(small, {
    "pass_global_tokens_to_decoder, where there are none to pass": {
      damage: setConfig("pass_global_tokens_to_decoder", true),
      fails: ["config"],
      says: /pass_global_tokens_to_decoder is true, expected false/,
    },
    decoder_attention_heads: {
      damage: setConfig("decoder_attention_heads", 2),
      fails: ["config", ...HEAD],
      says: /decoder_attention_heads is 2, expected 1/,
    },
    decoder_layers: {
      damage: setConfig("decoder_layers", 3),
      fails: ["config", "load"],
      says: /decoder_layers is 3, expected 2/,
    },
    decoder_ffn_dim: {
      damage: setConfig("decoder_ffn_dim", 8),
      fails: ["config", "load"],
      says: /decoder_ffn_dim is 8, expected 12/,
    },
    scale_embedding: {
      damage: setConfig("scale_embedding", false),
      fails: ["config", ...ALL],
      says: /scale_embedding is false, expected true/,
    },
    "the token that a text begins with": {
      damage: set("generation_config.json", "decoder_start_token_id", 9),
      fails: ["files", "predictions"],
      says: /generation_config\.json: decoder_start_token_id is 9, expected 4/,
    },
    "the token that a text begins with, where generate() does not look for it": {
      damage: setConfig("decoder_start_token_id", 9),
      fails: ["config"],
      says: /config\.json: decoder_start_token_id is 9, expected 4/,
    },
  });

  testFileCrimes(small, {
    "generation_config.json's max_length left as it was": {
      damage: set("generation_config.json", "max_length", 32),
      fails: ["files", "length"],
      says: /generation_config\.json: max_length is 32, expected 96/,
    },
    "generation_config.json's max_length below what it was": {
      damage: set("generation_config.json", "max_length", 20),
      fails: ["files"],
      says: /generation_config\.json: max_length is 20, expected 96/,
    },
    "config.json's max_length left as it was": {
      damage: setConfig("max_length", 32),
      fails: ["config", "length"],
      says: /config\.json: max_length is 32, expected 96/,
    },
    "generation_config.json missing": {
      damage: remove("generation_config.json"),
      fails: ["files"],
      says: /generation_config\.json is missing/,
    },
    "generation_config.json no JSON": {
      damage: put("generation_config.json", "{"),
      fails: ["files", "length"],
      says: /generation_config\.json/,
    },
  });
});

describe("a classifier", () => {
  testCrimes(classifier, {
    "one number of its decoder changed": {
      damage: (folder) =>
        editTensor(folder, `${DECODER}.layers.1.fc1.weight`, (bytes) => bytes.writeFloatLE(3, 0)),
      fails: ["weights", "lossless-head", "predictions", "graph-bytes", "graph"],
      says: /decoder\.layers\.1\.fc1\.weight: 1 of 12 rows/,
    },
    "one number of its head changed": {
      damage: (folder) =>
        editTensor(folder, "classification_head.out_proj.bias", (bytes) => bytes.writeFloatLE(3, 4)),
      fails: ["weights", "lossless-head", "predictions", "graph-bytes", "graph"],
      says: /classification_head\.out_proj\.bias: 1 of 3 values \(1\)/,
    },
    "the token at which it looks": {
      damage: setConfig("eos_token_id", 9),
      fails: ["config", "lossless-head", "predictions", "graph-bytes", "graph"],
      says: /config\.json: eos_token_id is 9, expected 4/,
    },
    "the token with which its decoder begins": {
      damage: setConfig("decoder_start_token_id", 9),
      fails: ["config", "lossless-head", "predictions", "graph-bytes", "graph"],
      says: /config\.json: decoder_start_token_id is 9, expected 4/,
    },
  });
});

describe("a base model", () => {
  testCrimes(base, {
    "one number of its decoder changed": {
      damage: (folder) =>
        editTensor(folder, "decoder.layers.1.fc1.weight", (bytes) => bytes.writeFloatLE(3, 0)),
      fails: ["weights", "lossless-head"],
      says: /decoder\.layers\.1\.fc1\.weight: 1 of 12 rows/,
    },
  });
});
