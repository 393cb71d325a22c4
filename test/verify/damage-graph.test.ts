import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { exportOnnx } from "../../src/commands/export.js";
import { parseExportOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { readSafetensors } from "../support/safetensors.js";
import { type Damage, editGraph, flipBit, put, remove, takenFrom } from "./damage.js";
import { convertedSmallBert, testCrimes, testFileCrimes } from "./support.js";

keepTokenizers();

const GRAPH = "onnx/model.onnx";
const DATA = "onnx/model.onnx_data";
const POSITIONS = "bert.embeddings.position_embeddings.weight";

const embedded = convertedSmallBert({}, { onnx: true });
const external = convertedSmallBert({}, { onnx: true, onnxWeights: "external" });
const shared = convertedSmallBert({}, { onnx: true, onnxWeights: "shared" });

/** Changes a tensor's bytes where they lie in a file. */
const weights =
  (file: string, name: string, change: (bytes: Buffer) => void): Damage =>
  (folder) => {
    const tensor = readSafetensors(join(folder, "model.safetensors")).get(name);
    const content = readFileSync(join(folder, file));
    const at = tensor ? content.indexOf(tensor.bytes) : -1;
    if (!tensor || at < 0) throw new Error(`${file} does not hold ${name}`);
    change(content.subarray(at, at + tensor.bytes.length));
    writeFileSync(join(folder, file), content);
  };

const swapRows3And4 = (bytes: Buffer) => {
  const kept = Buffer.from(bytes.subarray(48, 64));
  bytes.copy(bytes, 48, 64, 80);
  kept.copy(bytes, 64);
};

describe("a graph", () => {
  testCrimes(embedded, {
    missing: {
      damage: remove(GRAPH),
      fails: ["graph"],
      where: "graph",
      says: /the conversion was to write a graph; found none/,
    },
    "cut in the middle": {
      damage: (folder) => truncateSync(join(folder, GRAPH), 5000),
      fails: ["graph-bytes", "graph-op", "graph"],
      where: "graph-op",
      says: /onnx\/model\.onnx is no ONNX graph/,
    },
    "whose blocks are off by one": {
      damage: takenFrom(convertedSmallBert({}, { onnx: true, blockSize: 17 }), GRAPH),
      fails: ["graph-bytes", "graph-op", "graph"],
      where: "graph-op",
      says: /largest relative difference \S+ at 96 tokens, allowed 1e-5\n96 tokens: /,
    },
    "with a global token more": {
      damage: takenFrom(
        convertedSmallBert({}, { onnx: true, numGlobalTokens: 2, firstTokenIsGlobal: true, blockSize: 16 }),
        GRAPH,
      ),
      fails: ["graph-bytes", "graph-op", "graph"],
      says: /onnx\/model\.onnx differs from byte \d+ on/,
    },
    "whose global token is none of the input's": {
      damage: takenFrom(convertedSmallBert({}, { onnx: true, firstTokenIsGlobal: false }), GRAPH),
      fails: ["graph-bytes", "graph-op", "graph"],
      says: /onnx\/model\.onnx differs from byte \d+ on/,
    },
    "of another model": {
      damage: takenFrom(convertedSmallBert({ seed: 2 }, { onnx: true }), GRAPH),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /largest difference \S+ at \d+ tokens, allowed \S+; too large at 3 lengths\n5 tokens: /,
    },
    "of the base model alone": {
      damage: takenFrom(convertedSmallBert({ seed: 2 }, { onnx: true, task: "feature-extraction" }), GRAPH),
      fails: ["graph-bytes", "graph"],
      says: /onnx\/model\.onnx differs from byte \d+ on/,
    },
    "of the original, with full attention": {
      damage: async (folder) => {
        const output = join(await temporaryFolder(), "exported");
        await exportOnnx(embedded.source, output, parseExportOptions({}));
        cpSync(join(output, GRAPH), join(folder, GRAPH));
      },
      fails: ["graph-bytes", "graph-op", "graph"],
      says: /onnx\/model\.onnx differs from byte \d+ on/,
    },
    "with a weight changed in its last bit": {
      damage: weights(GRAPH, POSITIONS, (bytes) => bytes.writeUInt8(bytes.readUInt8(640) ^ 1, 640)),
      fails: ["graph-bytes"],
      says: /onnx\/model\.onnx differs from byte \d+ on/,
    },
    "with two rows of its position table swapped": {
      damage: weights(GRAPH, POSITIONS, swapRows3And4),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /largest difference \S+ at \d+ tokens, allowed/,
    },
    "that names another output": {
      damage: editGraph(GRAPH, ({ graph: body }) => {
        for (const node of body?.node ?? [])
          node.output = node.output.map((name) => name.replace(/^logits$/, "scores"));
        for (const output of body?.output ?? []) output.name = "scores";
      }),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /largest difference Infinity/,
    },
    "that wants another input": {
      damage: editGraph(GRAPH, ({ graph: body }) => {
        for (const input of body?.input ?? [])
          if (input.name === "token_type_ids") input.name = "segment_ids";
        for (const node of body?.node ?? [])
          node.input = node.input.map((name) => (name === "token_type_ids" ? "segment_ids" : name));
      }),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /onnx\/model\.onnx does not run at 1 token: .*segment_ids/,
    },
    "with another opset": {
      damage: editGraph(GRAPH, ({ opsetImport }) => {
        for (const entry of opsetImport) if (entry.domain === "") entry.version += 1n;
      }),
      fails: ["graph-bytes"],
      says: /onnx\/model\.onnx differs from byte \d+ on/,
    },
    "beside a second one": {
      damage: (folder) => cpSync(join(folder, GRAPH), join(folder, "model.onnx")),
      fails: ["files", "graph-bytes"],
      says: /model\.onnx is not planned/,
    },
  });
});

describe("a graph with its weights beside it", () => {
  testCrimes(external, {
    "which are missing": {
      damage: remove(DATA),
      fails: ["config", "graph-bytes", "graph"],
      where: "graph",
      says: /onnx\/model\.onnx cannot be loaded: .*model\.onnx_data/,
    },
    "which are cut": {
      damage: (folder) => truncateSync(join(folder, DATA), 100),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /onnx\/model\.onnx cannot be loaded/,
    },
    "changed in one bit": {
      damage: flipBit(DATA, -4),
      fails: ["graph-bytes"],
      says: /onnx\/model\.onnx_data differs from byte \d+ on/,
    },
    "those of another model": {
      damage: takenFrom(convertedSmallBert({ seed: 2 }, { onnx: true, onnxWeights: "external" }), DATA),
      fails: ["graph-bytes", "graph"],
      says: /onnx\/model\.onnx_data differs from byte \d+ on/,
    },
  });
});

describe("a graph that shares the folder's weights", () => {
  testCrimes(shared, {
    "and is missing": {
      damage: remove("model.onnx"),
      fails: ["graph"],
      where: "graph",
      says: /the conversion was to write a graph; found none/,
    },
    "whose blocks are off by one": {
      damage: takenFrom(
        convertedSmallBert({}, { onnx: true, onnxWeights: "shared", blockSize: 17 }),
        "model.onnx",
      ),
      fails: ["graph-bytes", "graph-op", "graph"],
      where: "graph-op",
      says: /at 96 tokens, allowed 1e-5/,
    },
    "which are missing": {
      damage: remove("model.safetensors"),
      fails: ["weights", "model"],
      says: /has no weights: looked for model\.safetensors/,
    },
  });
});

describe("the hints of config.json about a graph", () => {
  const HINTS = "transformers.js_config";
  testFileCrimes(external, {
    "without the data file": {
      damage: (folder) =>
        put(
          "config.json",
          readFileSync(join(folder, "config.json"), "utf8").replace(
            /"use_external_data_format":\s*\{[^}]*\}/,
            '"x": 1',
          ),
        )(folder),
      fails: ["config"],
      says: new RegExp(`${HINTS}.use_external_data_format is missing, expected`),
    },
  });
});
