import { cpSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { GraphProto } from "onnx-buf";
import { describe } from "vitest";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { type Damage, editGraph, flipBit, remove, set, takenFrom } from "./damage.js";
import { convertedSmallBart } from "./small-bart.js";
import { testCrimes } from "./support.js";

keepTokenizers();

const ENCODER = "onnx/encoder_model.onnx";
const FIRST = "onnx/decoder_model.onnx";
const LATER = "onnx/decoder_with_past_model.onnx";
const MERGED = "onnx/decoder_model_merged.onnx";

/** Global tokens of its own before the encoder's, which the decoder sees as well. */
const REFERENCE = {
  ...{ preset: "reference", onnx: true, numGlobalTokens: 3 },
  ...{ blockSize: 8, sparseBlockSize: 8 },
};

const passing = convertedSmallBart({}, REFERENCE);
const others = convertedSmallBart({ seed: 2 }, REFERENCE);
const external = convertedSmallBart({}, { onnx: true, onnxWeights: "external" });
const shared = convertedSmallBart({}, { onnx: true, onnxWeights: "shared" });

const BOTH = ["graph-bytes", "graph"];

/** Gives two files each other's name. */
function swapped(a: string, b: string): Damage {
  return (folder) => {
    renameSync(join(folder, a), join(folder, "x"));
    renameSync(join(folder, b), join(folder, a));
    renameSync(join(folder, "x"), join(folder, b));
  };
}

/** Changes the body of one of a graph's functions. */
function editFunction(file: string, name: string, change: (nodes: GraphProto["node"]) => void): Damage {
  return editGraph(file, ({ functions }) => {
    const found = functions.find((one) => one.name === name);
    if (!found) throw new Error(`${file} has no function ${name}`);
    change(found.node);
  });
}

describe("graphs that generate", () => {
  testCrimes(passing, {
    "the decoder's missing": {
      damage: remove(FIRST),
      fails: BOTH,
      says: /onnx\/decoder_model\.onnx is missing/,
    },
    "the merged one missing": {
      damage: remove(MERGED),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_model_merged\.onnx is missing/,
    },
    "all of them missing": {
      damage: (folder) => {
        for (const file of [ENCODER, FIRST, LATER, MERGED]) remove(file)(folder);
      },
      fails: ["graph"],
      says: /the conversion was to write a graph; found none/,
    },
    "beside the one of an earlier export": {
      damage: takenFrom(
        convertedSmallBart({}, { ...REFERENCE, task: "feature-extraction" }),
        "onnx/model.onnx",
      ),
      fails: ["files"],
      says: /onnx\/model\.onnx is not planned/,
    },
    "in place of which an earlier export's lies": {
      damage: (folder) => {
        cpSync(join(folder, FIRST), join(folder, "onnx/model.onnx"));
        for (const file of [ENCODER, FIRST]) remove(file)(folder);
      },
      fails: ["files", "graph-bytes", "graph"],
      says: /onnx\/decoder_with_past_model\.onnx is not planned/,
    },
    "the encoder's made of other weights": {
      damage: takenFrom(others, ENCODER),
      fails: BOTH,
      where: "graph",
      says: /onnx\/encoder_model\.onnx: \S+ \(input of 5 tokens\)/,
    },
    "the decoder's made of other weights": {
      damage: takenFrom(others, FIRST),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_model\.onnx, first pass: \S+ \(input of 5 tokens\)/,
    },
    "the decoder's with past made of other weights": {
      damage: takenFrom(others, LATER),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_with_past_model\.onnx, token 4: \S+ \(input of 5 tokens\)/,
    },
    "the merged one made of other weights": {
      damage: takenFrom(others, MERGED),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_model_merged\.onnx, what the first pass keeps: \S+ \(input/,
    },
    "one number of the decoder's changed": {
      damage: flipBit(FIRST, -40),
      fails: ["graph-bytes"],
      says: /onnx\/decoder_model\.onnx differs from byte \d+ on/,
    },
    "the two branches of the merged one swapped": {
      damage: editGraph(MERGED, ({ graph }) => {
        for (const { opType, attribute } of graph?.node ?? []) {
          if (opType !== "If") continue;
          const [a, b] = attribute;
          if (a && b) [a.name, b.name] = [b.name, a.name];
        }
      }),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_model_merged\.onnx does not run at 5 tokens/,
    },
    "the decoders' names swapped": {
      damage: swapped(FIRST, LATER),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_model\.onnx does not run at 5 tokens/,
    },
    "the decoder's the merged one": {
      damage: (folder) => cpSync(join(folder, MERGED), join(folder, FIRST)),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_model\.onnx does not run at 5 tokens/,
    },
    "the decoder's made for an encoder that keeps its global tokens": {
      damage: takenFrom(convertedSmallBart({}, { ...REFERENCE, passGlobalTokensToDecoder: false }), FIRST),
      fails: BOTH,
      where: "graph",
      says: /onnx\/decoder_model\.onnx does not run at 5 tokens/,
    },
    "the encoder's attention another": {
      damage: takenFrom(convertedSmallBart({}, { ...REFERENCE, blockSize: 16 }), ENCODER),
      fails: ["graph-bytes", "graph-op", "graph"],
      where: "graph-op",
      says: /LSGAttention of onnx\/encoder_model\.onnx: 3 lengths up to 96: .*, allowed 1e-5/,
    },
    "a decoder's attention that hides the wrong side": {
      damage: editFunction(MERGED, "DecoderSelfAttention", (nodes) => {
        for (const node of nodes) if (node.opType === "Greater") node.opType = "Less";
      }),
      fails: ["graph-bytes", "graph-op", "graph"],
      where: "graph-op",
      says: /DecoderSelfAttention of onnx\/decoder_model_merged\.onnx: 5 lengths up to 130/,
    },
    "a decoder's attention that sees what is hidden": {
      damage: editFunction(LATER, "CrossAttention", (nodes) => {
        for (const node of nodes) {
          if (node.opType !== "Add") continue;
          node.opType = "Max";
        }
      }),
      fails: ["graph-bytes", "graph-op", "graph"],
      where: "graph-op",
      says: /CrossAttention of onnx\/decoder_with_past_model\.onnx: /,
    },
    "whose config says that global tokens are kept from the decoder": {
      damage: set("config.json", "pass_global_tokens_to_decoder", false),
      fails: ["config", "graph-bytes", "graph"],
      says: /pass_global_tokens_to_decoder is false, expected true/,
    },
  });
});

describe("graphs that generate, with their weights beside them", () => {
  testCrimes(external, {
    "of which a decoder's are missing": {
      damage: remove(`${LATER}_data`),
      fails: ["config", ...BOTH],
      where: "graph",
      says: /onnx\/decoder_with_past_model\.onnx cannot be loaded/,
    },
    "of which a decoder's were changed in one bit": {
      damage: flipBit(`${MERGED}_data`, -4),
      fails: ["graph-bytes"],
      says: /onnx\/decoder_model_merged\.onnx_data differs from byte \d+ on/,
    },
  });
});

describe("graphs that generate, and share the folder's weights", () => {
  testCrimes(shared, {
    "of which the encoder's is missing": {
      damage: remove("encoder_model.onnx"),
      fails: BOTH,
      says: /^.*\nencoder_model\.onnx is missing/,
    },
  });
});
