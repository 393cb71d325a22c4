import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exportOnnx } from "../../src/commands/export.js";
import { parseExportOptions } from "../../src/options/options.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { type Damage, edit, editGraph, flipBit } from "./damage.js";
import { checksOf, converted, expectSound, testCrimes, textOf } from "./support.js";

keepTokenizers();

const HOME = join(FIXTURES, "sentence-transformers");
const GRAPH = "onnx/model.onnx";
const given = { maxSequenceLength: 96, onnx: true };

const modern = converted(join(HOME, "modern"), given);
const pylate = converted(join(HOME, "pylate"), given);

/** Puts the graph into the folder that the same weights with other module settings would have. */
const exportedWith =
  (file: string, change: Parameters<typeof edit>[2]): Damage =>
  async (folder) => {
    const other = join(await temporaryFolder(), "other");
    cpSync(folder, other, { recursive: true });
    edit(other, file, change);
    await exportOnnx(other, undefined, parseExportOptions({}));
    cpSync(join(other, GRAPH), join(folder, GRAPH));
  };

/** Changes numbers of a module where they lie in the graph. */
const inGraph =
  (name: string): Damage =>
  (folder) =>
    editGraph(GRAPH, ({ graph }) => {
      const weights = graph?.initializer.find((one) => one.name === name);
      if (!weights) throw new Error(`the graph has no ${name}`);
      weights.rawData = Buffer.from(weights.rawData).fill(0, 0, 8);
    })(folder);

describe("an embedder", () => {
  testCrimes(modern, {
    "whose graph pools otherwise": {
      damage: exportedWith("2_Pooling/config.json", (json) => {
        json.pooling_mode[1] = "cls";
      }),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /largest difference \S+ at \d+ tokens, allowed [\d.]+e-4/,
    },
    "whose graph has other weights behind the transformer": {
      damage: inGraph("5_Dense/linear.weight"),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /allowed [\d.]+e-4/,
    },
    "whose graph does not normalise": {
      damage: exportedWith("modules.json", (json) => json.splice(-1)),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /allowed [\d.]+e-4/,
    },
    "whose module has other weights": {
      damage: flipBit("5_Dense/model.safetensors", -1),
      fails: ["files", "graph-bytes", "graph"],
      says: /5_Dense\/model\.safetensors: 2968 bytes that differ from byte 2967 on/,
    },
    "whose module has lost its weights": {
      damage: (folder) =>
        writeFileSync(
          join(folder, "5_Dense/model.safetensors"),
          readFileSync(join(folder, "1_Dense/model.safetensors")),
        ),
      fails: ["files", "modules"],
      where: "modules",
      says: /"5_Dense\/linear\.weight" has shape \[12,16\], expected \[10,72\]/,
    },
  });
});

describe("a ColBERT", () => {
  testCrimes(pylate, {
    "whose graph leaves a residual out": {
      damage: exportedWith("2_Dense/config.json", (json) => {
        json.use_residual = false;
      }),
      fails: ["graph-bytes", "graph"],
      where: "graph",
      says: /allowed [\d.]+e-4/,
    },
    "whose documents are cut": {
      damage: (folder) =>
        edit(folder, "config_sentence_transformers.json", (json) => {
          json.document_length = 40;
        }),
      fails: ["files", "length"],
      where: "length",
      says: /config_sentence_transformers\.json: document_length is 40, expected 96/,
    },
  });
});

test.each(["nested", "colbert"])("%s is sound, its graph too", async (fixture) => {
  const { passed } = await expectSound(join(HOME, fixture), given);
  expect(passed).toEqual(expect.arrayContaining(["graph-bytes", "graph-op", "graph"]));
});

test("a graph of the tokens alone is what it was asked for", async () => {
  const folder = await modern.copy();
  await exportOnnx(folder, undefined, parseExportOptions({ task: "feature-extraction" }));
  const checks = await checksOf(folder, { against: modern.source }, "outputs");
  expect(checks.filter(({ verdict }) => verdict === "fail")).toEqual([]);
  expect(textOf(checks, "graph-bytes")).toMatch(/byte for byte/);
});
