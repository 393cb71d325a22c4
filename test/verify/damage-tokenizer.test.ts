import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { append, type Damage, edit, put, remove, replace, set } from "./damage.js";
import { convertedSmallBert, testCrimes, testFileCrimes } from "./support.js";

const small = convertedSmallBert();

function vocabulary(change: (lines: string[]) => string[]): Damage {
  return (folder) => {
    const lines = readFileSync(join(folder, "vocab.txt"), "utf8").split("\n");
    put("vocab.txt", change(lines).join("\n"))(folder);
  };
}

describe("the tokenizer", () => {
  testFileCrimes(small, {
    "left at the old length in tokenizer_config.json": {
      damage: set("tokenizer_config.json", "model_max_length", 32),
      fails: ["files", "length"],
      says: /tokenizer_config\.json: model_max_length is 32, expected 96/,
    },
    "left at 512 in tokenizer.json": {
      damage: (folder) =>
        edit(folder, "tokenizer.json", ({ truncation }) => {
          truncation.max_length = 512;
        }),
      fails: ["files", "length"],
      says: /tokenizer\.json: truncation\.max_length is 512, expected 96/,
    },
    "left at the old length for sentence-transformers": {
      damage: set("sentence_bert_config.json", "max_seq_length", 32),
      fails: ["files", "length"],
      says: /sentence_bert_config\.json: max_seq_length is 32, expected 96/,
    },
    "cut by a length that nobody set": {
      damage: set("tokenizer_config.json", "max_length", 32),
      fails: ["files", "length"],
      says: /tokenizer_config\.json: max_length is 32, expected to be absent/,
    },
    "padding every text to one length": {
      damage: set("tokenizer.json", "padding", { strategy: { Fixed: 32 } }),
      fails: ["files", "length"],
      says: /tokenizer\.json: padding is .*"Fixed":32.*, expected null/,
    },
    "two ids of its vocabulary swapped": {
      damage: (folder) =>
        edit(folder, "tokenizer.json", ({ model: { vocab } }) => {
          const [a, b] = Object.keys(vocab).slice(20, 22) as [string, string];
          [vocab[a], vocab[b]] = [vocab[b], vocab[a]];
        }),
      fails: ["files"],
      says: /tokenizer\.json: model\.vocab\..+ is \d+, expected \d+\ntokenizer\.json: model\.vocab\./,
    },
    "at a length that Python reads as no whole number": {
      damage: replace("tokenizer_config.json", '"model_max_length": 96', '"model_max_length": 96.0'),
      fails: ["files"],
      says: /tokenizer_config\.json: model_max_length is 96\.0, expected 96/,
    },
    "behind a byte order mark": {
      damage: replace("tokenizer.json", /^/, "\uFEFF"),
      fails: ["files"],
      says: /tokenizer\.json.*byte order mark/,
    },
    "no longer lowercasing": {
      damage: set("tokenizer_config.json", "do_lower_case", false),
      fails: ["files"],
      says: /tokenizer_config\.json: do_lower_case is false, expected true/,
    },
    "another mask token": {
      damage: set("special_tokens_map.json", "mask_token", "[UNK]"),
      fails: ["files"],
      says: /special_tokens_map\.json: mask_token is "\[UNK\]", expected "\[MASK\]"/,
    },
    "two lines of vocab.txt swapped": {
      damage: vocabulary((lines) => lines.with(30, lines[31] ?? "").with(31, lines[30] ?? "")),
      fails: ["files"],
      says: /vocab\.txt: \d+ bytes that differ from byte \d+ on, expected \d+ bytes/,
    },
    "vocab.txt cut": {
      damage: vocabulary((lines) => lines.slice(0, -2)),
      fails: ["files"],
      says: /vocab\.txt: \d+ bytes that differ from byte \d+ on, expected \d+ bytes/,
    },
    "vocab.txt with a line more": {
      damage: append("vocab.txt", "more\n"),
      fails: ["files"],
      says: /vocab\.txt: \d+ bytes that differ from byte \d+ on, expected \d+ bytes/,
    },
    "tokenizer.json missing": {
      damage: remove("tokenizer.json"),
      fails: ["files"],
      says: /tokenizer\.json is missing/,
    },
  });
});

describe("a tokenizer.json that is none", () => {
  testCrimes(small, {
    "not JSON": {
      damage: put("tokenizer.json", "{"),
      fails: ["files", "length", "tokenizer"],
      says: /tokenizer\.json is not JSON/,
    },
  });
});
