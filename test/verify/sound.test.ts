import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { writeSafetensors } from "../support/safetensors.js";
import { writeTinyModel } from "../support/tiny-model.js";
import { put } from "./damage.js";
import { type SmallModel, writeSmallBert } from "./small-bert.js";
import { checksOf, expectSound, failing, textOf } from "./support.js";

keepTokenizers();

type Given = Readonly<Record<string, unknown>>;

async function smallBert(model: SmallModel = {}): Promise<string> {
  return writeSmallBert(join(await temporaryFolder(), "original"), model);
}

/** Tokens that a model type's fixture reads, where it is another than most. */
const READS: Readonly<Record<string, number>> = {
  mbart: 1024,
  pegasus: 1024,
  longformer: 128,
  led: 128,
};

describe("every model type, lossless", () => {
  const types = readdirSync(FIXTURES).filter((type) => existsSync(join(FIXTURES, type, "checkpoint")));
  test.each(types)("%s", async (type) => {
    const source = join(FIXTURES, type, "checkpoint");
    const read = READS[type] ?? 512;
    const longest = read + 18;
    const given = { maxSequenceLength: longest };
    const { promised, passed } = await expectSound(source, given, [1, Math.min(300, read), longest]);
    expect(promised).toBe(read);
    expect(passed).toContain("reach");
  });
});

describe("a new head", () => {
  test.each([
    "BertModel",
    "BertForPreTraining",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertForQuestionAnswering",
    "BertForMultipleChoice",
    "BertLMHeadModel",
  ])("%s", async (architecture) => {
    const { checks } = await expectSound(await smallBert(), {
      maxSequenceLength: 96,
      architecture,
      onnx: ["BertForMultipleChoice", "BertForPreTraining"].includes(architecture) || undefined,
    });
    expect(textOf(checks, "model")).toContain(architecture);
  });
});

describe("a head that the original names and lacks, and that is asked for", () => {
  test.each([[{}], [{ to: "longformer" }]])(
    "is new in the result, and all else is compared: %j",
    async (given) => {
      const source = await smallBert({ config: { architectures: ["BertForSequenceClassification"] } });
      const architecture = "BertForSequenceClassification";
      const { checks, passed } = await expectSound(source, { architecture, maxSequenceLength: 96, ...given });
      expect(passed).toContain("lossless");
      expect(checks.map(({ id }) => id)).not.toContain("lossless-head");
      expect(textOf(checks, "load")).toMatch(/the original beside it$/);
    },
  );
});

describe("settings", () => {
  const REFERENCE = { preset: "reference", blockSize: 8, sparseBlockSize: 8, maxSequenceLength: 96 };
  const settings: Readonly<Record<string, Given>> = {
    "sparse keys by norm": { ...REFERENCE, onnx: true },
    "sparse keys by pooling": { ...REFERENCE, sparsityType: "pooling" },
    "sparse keys by stride": { ...REFERENCE, sparsityType: "stride" },
    "sparse keys by block_stride": { ...REFERENCE, sparsityType: "block_stride" },
    "sparse keys by bos_pooling": { ...REFERENCE, sparsityType: "bos_pooling" },
    "sparse keys by lsh": { ...REFERENCE, sparsityType: "lsh", seed: 7, onnx: true },
    "no sparse keys": { ...REFERENCE, sparsityType: "none" },
    "the first token hidden": { ...REFERENCE, maskFirstToken: true },
    "the first token hidden, so pooled in spite of what was asked": {
      ...REFERENCE,
      ...{ maskFirstToken: true, poolWithGlobal: false },
    },
    "seven global tokens": { ...REFERENCE, numGlobalTokens: 7, onnx: true },
    "no pooling": { ...REFERENCE, poolWithGlobal: false, numGlobalTokens: 2 },
    "drawn global tokens": { ...REFERENCE, randomGlobalInit: true, seed: 5 },
    "global tokens without token types": { ...REFERENCE, useTokenIds: false, globalPositionalStride: 32 },
    "blocks of the user's": { maxSequenceLength: 96, blockSize: 8 },
    "blocks longer than the result": { maxSequenceLength: 96, blockSize: 200 },
    "no longer than before": { maxSequenceLength: 32 },
    "an odd length": { maxSequenceLength: 61 },
    "config keys of the user's": { maxSequenceLength: 96, modelKwargs: { num_labels: 3, my_key: "x" } },
  };
  test.each(Object.entries(settings))("%s", async (_, given) => {
    const { maxSequenceLength: longest } = given as { maxSequenceLength: number };
    await expectSound(await smallBert(), given, [5, Math.min(24, longest), longest]);
  });
});

describe("a source", () => {
  const GIVEN = { maxSequenceLength: 96 };

  test.each(["BF16", "F16"] as const)("in %s", async (dtype) => {
    await expectSound(await smallBert({ dtype }), { ...GIVEN, onnx: true });
  });

  test("in shards of pytorch_model.bin, whose config claims a head that is not there", async () => {
    const given = { architecture: "DistilBertModel", maxSequenceLength: 528, blockSize: 16 };
    await expectSound(join(FIXTURES, "distilbert", "checkpoint-bare"), given, [5, 32, 528]);
  });

  test("of a class that lsg does not know", async () => {
    const config = { architectures: ["HF_ColBERT"] };
    await expectSound(await smallBert({ config, shapes: { "linear.weight": [2, 4] } }), GIVEN);
  });

  test("that is a decoder", async () => {
    const config = { is_decoder: true, architectures: ["BertLMHeadModel"] };
    const { checks } = await expectSound(await smallBert({ config }), { ...GIVEN, onnx: true });
    expect(textOf(checks, "reach")).toMatch(/changes nothing before it/);
  });

  test.each<[string, Given]>([
    ["an activation", { hidden_act: "relu" }],
    ["that it is a decoder", { is_decoder: true }],
  ])(
    "which --model-kwargs tells %s: the original is seen as it is, and nothing is promised",
    async (_, modelKwargs) => {
      const { checks, passed } = await expectSound(await smallBert(), { ...GIVEN, modelKwargs });
      expect(passed).not.toContain("lossless");
      // Beside the source with these keys its outputs would be the same.
      expect(textOf(checks, "drift")).toMatch(/where nothing is promised.*outputs differ by/);
    },
  );

  test("without tokenizer.json", async () => {
    const source = await writeTinyModel({
      files: { "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nword\n" },
    });
    const { checks } = await expectSound(source, { maxSequenceLength: 24 }, [3, 8, 24]);
    expect(textOf(checks, "tokenizer")).toMatch(/no tokenizer\.json/);
  });

  test("of sentence-transformers, with a layer behind the transformer", async () => {
    const source = await smallBert({ config: { architectures: ["BertModel"] } });
    const modules = ["", "1_Pooling", "2_Dense"].map((path, idx) => ({
      idx,
      name: `${idx}`,
      path,
      type: "x",
    }));
    put("modules.json", JSON.stringify(modules))(source);
    put("1_Pooling/config.json", '{"word_embedding_dimension": 4}')(source);
    const dense = { "linear.weight": { dtype: "F32", shape: [1], bytes: Buffer.alloc(4) } } as const;
    put("2_Dense/model.safetensors", writeSafetensors(dense))(source);
    await expectSound(source, GIVEN);
  });

  test("that is LSG already, resized", async () => {
    const source = join(FIXTURES, "roberta", "lsg");
    const given = { resizeLsg: true, maxSequenceLength: 900 };
    const { promised } = await expectSound(source, given, [5, 600, 900]);
    expect(promised).toBe(600);
  });

  test("that is LSG already, converted anew", async () => {
    const given = { keepFirstGlobalToken: true, maxSequenceLength: 700 };
    await expectSound(join(FIXTURES, "roberta", "lsg"), given, [5, 600, 700]);
  });

  test("that lsg converted itself", async () => {
    const { folder } = await expectSound(await smallBert(), { ...GIVEN, onnx: true });
    await expectSound(folder, { resizeLsg: true, maxSequenceLength: 128 }, [5, 96, 128]);
  });
});

describe("a graph", () => {
  test.each<[string, Given]>([
    ["with its weights inside", {}],
    ["with its weights beside it", { onnxWeights: "external" }],
    ["that shares the folder's weights", { onnxWeights: "shared" }],
    ["without the head", { task: "feature-extraction" }],
  ])("%s", async (_, given) => {
    const { passed } = await expectSound(await smallBert(), { maxSequenceLength: 96, onnx: true, ...given });
    expect(passed).toEqual(expect.arrayContaining(["graph-bytes", "graph-op", "graph"]));
  });

  test("that lsg export wrote later, with lsh directions of the conversion's seed", async () => {
    const source = await smallBert();
    const folder = join(await temporaryFolder(), "converted");
    const given = { maxSequenceLength: 96, sparsityType: "lsh", sparseBlockSize: 16, blockSize: 16, seed: 7 };
    await convert(source, folder, parseConvertOptions(given));
    await exportOnnx(folder, undefined, parseExportOptions({}));
    const checks = await checksOf(folder, { against: source, lengths: [5, 32, 96] }, "outputs");
    expect(failing(checks)).toEqual([]);
    expect(checks.map(({ id }) => id)).toContain("graph-op");
  });
});
