import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { FIXTURES } from "../support/fixtures.js";
import { append, flipBit, put, remove } from "./damage.js";
import { convertedSmallBert, testFileCrimes } from "./support.js";

const small = convertedSmallBert();

describe("other files", () => {
  testFileCrimes(small, {
    "a side file missing": {
      damage: remove("sentence_bert_config.json"),
      fails: ["files"],
      says: /sentence_bert_config\.json is missing/,
    },
    "a side file renamed": {
      damage: (folder) =>
        renameSync(join(folder, "sentence_bert_config.json"), join(folder, "sentence_roberta_config.json")),
      fails: ["files"],
      says: /sentence_bert_config\.json is missing\nsentence_roberta_config\.json is not planned/,
    },
    "added_tokens.json that nobody planned": {
      damage: put("added_tokens.json", '{"[PAD]": 7}'),
      fails: ["files"],
      says: /added_tokens\.json is not planned/,
    },
    "modules.json that nobody planned": {
      damage: put("modules.json", "[]"),
      fails: ["files"],
      says: /modules\.json is not planned/,
    },
    "pytorch_model.bin of another model": {
      damage: put("pytorch_model.bin", "PK"),
      fails: ["files"],
      says: /pytorch_model\.bin is not planned/,
    },
    "an index that points elsewhere": {
      damage: put("model.safetensors.index.json", '{"weight_map": {}}'),
      fails: ["files"],
      says: /model\.safetensors\.index\.json is not planned/,
    },
    "Python code that nobody planned": {
      damage: put("modeling_bert.py", "import os\n"),
      fails: ["files"],
      says: /modeling_bert\.py is not planned/,
    },
  });
});

describe("a file that loaders read and nobody planned", () => {
  testFileCrimes(
    small,
    Object.fromEntries(
      [
        "adapter_model.safetensors",
        "generation_config.json",
        "config_sentence_transformers.json",
        "chat_template.jinja",
        "tf_model.h5",
        "flax_model.msgpack",
        "consolidated.safetensors",
        "onnx/model_int8.onnx",
        "onnx/model_q4f16.onnx",
        "onnx/model.onnx_data",
        "onnx/decoder_model_merged.onnx",
        "openvino/openvino_model.bin",
        "1_Pooling/config.json",
      ].map((file) => {
        const says = new RegExp(`^${file.replaceAll(".", "\\.")} is not planned`, "m");
        return [file, { damage: put(file, "{}"), fails: ["files"], says }];
      }),
    ),
  );
});

describe("an adapter", () => {
  testFileCrimes(small, {
    "which loaders would put into the model": {
      damage: put("adapter_config.json", "{}"),
      fails: ["files", "weights", "model"],
      where: "model",
      says: /holds an adapter beside its model \(adapter_config\.json\)/,
    },
  });
});

describe("the modelling code", () => {
  testFileCrimes(small, {
    "edited by one bit": {
      damage: flipBit("modeling_lsg_bert.py", -2),
      fails: ["modeling"],
      says: /modeling_lsg_bert\.py is not the file that comes with lsg \d+\.\d+\.\d+/,
    },
    "with a line more": {
      damage: append("modeling_lsg_bert.py", "\n"),
      fails: ["modeling"],
      says: /modeling_lsg_bert\.py is not the file/,
    },
    missing: {
      damage: remove("modeling_lsg_bert.py"),
      fails: ["modeling"],
      says: /modeling_lsg_bert\.py is missing/,
    },
    "of an earlier version": {
      damage: put("lsg_attention.py", readFileSync(join(FIXTURES, "earlier/0.1.0/lsg_attention.py"))),
      fails: ["files"],
      says: /lsg_attention\.py is not planned/,
    },
  });
});
