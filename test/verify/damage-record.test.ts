import { describe } from "vitest";
import { type Damage, edit, put, set } from "./damage.js";
import { convertedSmallBert, testCrimes, testFileCrimes } from "./support.js";

const small = convertedSmallBert();

describe("lsg_conversion.json", () => {
  const RECORD = "lsg_conversion.json";
  const option =
    (key: string, value: unknown): Damage =>
    (folder) =>
      edit(folder, RECORD, ({ options }) => {
        options[key] = value;
      });
  const promise = (tokens: number) => set(RECORD, "promise", { lossless_up_to: tokens });
  testFileCrimes(small, {
    "not JSON": { damage: put(RECORD, "{"), fails: ["record"], says: /lsg_conversion\.json is not JSON/ },
    "of a later version": {
      damage: set(RECORD, "format_version", 3),
      fails: ["record"],
      says: /lsg_conversion\.json: format_version: expected 1 or 2/,
    },
    "a promise raised": {
      damage: promise(96),
      fails: ["files", "promise"],
      says: /lsg_conversion\.json: promise\.lossless_up_to is 96, expected 32/,
    },
    "a promise lowered": {
      damage: promise(0),
      fails: ["files", "promise"],
      says: /lsg_conversion\.json: promise\.lossless_up_to is 0, expected 32/,
    },
    "another length promised": {
      damage: set(RECORD, "max_sequence_length", { from: 32, to: 128 }),
      fails: ["files"],
      says: /lsg_conversion\.json: max_sequence_length\.to is 128, expected 96/,
    },
    "another class": {
      damage: set(RECORD, "architecture", "LSGBertModel"),
      fails: ["files", "promise"],
      says: /lsg_conversion\.json: architecture is "LSGBertModel", expected "LSGBertForMaskedLM"/,
    },
    "another preset": {
      damage: option("preset", "reference"),
      fails: ["config", "files"],
      says: /config\.json: block_size is 16, expected 128/,
    },
    "another stride": {
      damage: option("global_positional_stride", 32),
      fails: ["weights"],
      says: /global_embeddings\.weight: \d+ of 512 rows/,
    },
    "a stride that cannot be, for which another one is taken": {
      damage: option("global_positional_stride", 48),
      fails: ["files", "weights"],
      says: /lsg_conversion\.json: unread_global_table is missing/,
    },
    "another block size": {
      damage: option("lsg", { block_size: 8 }),
      fails: ["config", "files", "promise"],
      says: /config\.json: block_size is 16, expected 8/,
    },
    "without the length that was asked for": {
      damage: option("max_sequence_length", undefined),
      fails: ["config", "files", "weights", "length"],
      says: /config\.json: max_position_embeddings is 96, expected 4096/,
    },
    "without token types in its global tokens": {
      damage: option("use_token_ids", false),
      fails: ["weights"],
      says: /global_embeddings\.weight: 512 of 512 rows/,
    },
    "an option that does not exist": {
      damage: option("turbo", true),
      fails: ["plan"],
      says: /turbo/,
    },
  });

  testCrimes(small, {
    "graphs promised that are not there": {
      damage: option("onnx", ["fp32"]),
      fails: ["graph"],
      says: /the conversion was to write a graph; found none/,
    },
  });

  testFileCrimes(convertedSmallBert({}, { randomGlobalInit: true }), {
    "another seed of what was drawn": {
      damage: option("seed", 124),
      fails: ["weights"],
      says: /global_embeddings\.weight: 51\d of 512 rows/,
    },
  });
});
