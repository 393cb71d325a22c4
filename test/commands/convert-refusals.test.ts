import { readFileSync } from "node:fs";
import { chmod, mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { LsgError } from "../../src/base/errors.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { writeSafetensors } from "../support/safetensors.js";
import { type TinyModel, tinyTensors, writeTinyModel } from "../support/tiny-model.js";

/** Converts a tiny model that has something wrong with it and returns the error, after a look at the disk. */
async function refusal(model: TinyModel, given: Record<string, unknown> = {}): Promise<LsgError> {
  return refusalOf(await writeTinyModel(model), given);
}

async function refusalOf(source: string, given: Record<string, unknown> = {}): Promise<LsgError> {
  const parent = await temporaryFolder();
  const error = await Promise.resolve()
    .then(() => convert(source, join(parent, "out"), parseConvertOptions(given)))
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(LsgError);
  expect((error as LsgError).exitCode).toBe(2);
  expect(await readdir(parent), "nothing is written").toEqual([]);
  return error as LsgError;
}

describe("a config that cannot be converted", () => {
  test.each<[crime: string, config: Record<string, unknown>, message: RegExp]>([
    [
      "no model_type",
      { model_type: undefined, architectures: undefined },
      /has no model_type, and the tensors fit several/,
    ],
    ["an unknown model_type", { model_type: "mamba" }, /"mamba" cannot be converted/],
    ["T5", { model_type: "t5" }, /"t5" cannot be converted/],
    ["a model_type that is a path", { model_type: "../../etc/passwd" }, /cannot be converted/],
    ["a model_type that every object has", { model_type: "__proto__" }, /cannot be converted/],
    [
      "relative positions",
      { position_embedding_type: "relative_key" },
      /position_embedding_type is "relative_key"/,
    ],
    [
      "the decoder of a pair",
      { is_decoder: true, add_cross_attention: true },
      /add_cross_attention is true; attention to another model's output is not supported/,
    ],
    [
      "heads that don't divide the width",
      { num_attention_heads: 3 },
      /3 attention heads don't divide the width 4/,
    ],
    ["a width that is text", { hidden_size: "4" }, /hidden_size is "4"/],
    ["no heads", { num_attention_heads: 0 }, /num_attention_heads is 0/],
    [
      "more layers than tensors",
      { num_hidden_layers: 2 },
      /"encoder.layer.1.attention.self.query.weight" is missing/,
    ],
    [
      "another vocabulary",
      { vocab_size: 7 },
      /word_embeddings.weight" has shape \[6,4\], config.json says \[7,4\]/,
    ],
    ["another length", { max_position_embeddings: 9 }, /position_embeddings.weight" has shape \[8,4\]/],
  ])("%s", async (_, config, message) => {
    expect((await refusal({ config })).message).toMatch(message);
  });

  test("no config", async () => {
    const source = await writeTinyModel();
    await rm(join(source, "config.json"));
    expect((await refusalOf(source)).message).toMatch(/has no config.json/);
  });

  test("a config that is not JSON, or no object", async () => {
    expect((await refusal({ files: { "config.json": "{" } })).message).toMatch(/config.json is not JSON/);
    expect((await refusal({ files: { "config.json": "[]" } })).message).toMatch(/expected a JSON object/);
  });

  test("an adapter says to merge first", async () => {
    const source = await writeTinyModel({ files: { "adapter_config.json": "{}" } });
    await rm(join(source, "config.json"));
    expect((await refusalOf(source)).remedy).toMatch(/[Mm]erge/);
  });
});

describe("weights that are damaged", () => {
  test("a missing tensor", async () => {
    const error = await refusal({ shapes: { "encoder.layer.0.output.dense.bias": undefined } });
    expect(error.message).toMatch(
      /"encoder.layer.0.output.dense.bias" is missing; BertModel needs it \(shape \[4\]\)/,
    );
  });

  test("the same weight under two names", async () => {
    const shapes = { "bert.embeddings.LayerNorm.bias": [4] };
    const error = await refusal({ shapes });
    expect(error.message).toMatch(/are both "embeddings.LayerNorm.bias"/);
    expect(error.remedy).toMatch(/take it out of the weights/);
  });

  test("integer embeddings, which have no sums", async () => {
    expect((await refusal({ dtype: "I32" })).message).toMatch(
      /word_embeddings.weight|position_embeddings.weight/,
    );
  });

  test("a truncated file", async () => {
    const source = await writeTinyModel();
    await truncate(join(source, "model.safetensors"), 3000);
    expect((await refusalOf(source)).message).toMatch(/truncated|ends inside/);
  });

  test("no weights, and weights of another library", async () => {
    const source = await writeTinyModel({ files: { "tf_model.h5": "x" } });
    await rm(join(source, "model.safetensors"));
    const error = await refusalOf(source);
    expect(error.message).toMatch(/no weights.*found tf_model.h5/);
    expect(error.remedy).toMatch(/save_pretrained/);
  });

  test.each([
    ["../model.safetensors", /expected a file beside the index/],
    ["sub/model.safetensors", /expected a file beside the index/],
    ["..\\model.safetensors", /expected a file beside the index/],
    ["/etc/passwd", /expected a file beside the index/],
    [
      "other.safetensors",
      /index.json names a shard that is not there \(other.safetensors\); tiny has no other weights that are whole/,
    ],
    ["part.safetensors", /"gone" in part.safetensors, which does not hold it/],
  ])("an index that names %s", async (file, message) => {
    const weight_map = { gone: file, "embeddings.LayerNorm.bias": "part.safetensors" };
    const source = await writeTinyModel({
      files: {
        "model.safetensors.index.json": JSON.stringify({ weight_map }),
        "part.safetensors": writeSafetensors(tinyTensors()),
      },
    });
    await rm(join(source, "model.safetensors"));
    expect((await refusalOf(source)).message).toMatch(message);
  });

  test("an index without a weight_map", async () => {
    const source = await writeTinyModel({ files: { "model.safetensors.index.json": "{}" } });
    await rm(join(source, "model.safetensors"));
    expect((await refusalOf(source)).message).toMatch(/no weight_map/);
  });
});

describe("options that don't work", () => {
  test.each<[crime: string, given: Record<string, unknown>, message: RegExp, remedy?: RegExp]>([
    [
      "a block that the factor doesn't divide",
      { preset: "reference", blockSize: 129 },
      /multiple of sparsity_factor/,
      /--block-size 1(28|32)/,
    ],
    [
      "an odd number of sparse keys in a block",
      { preset: "reference", blockSize: 6 },
      /it must be even/,
      /--block-size [48]/,
    ],
    [
      "too few sparse keys",
      { preset: "reference", sparseBlockSize: 48 },
      /above 0.75/,
      /--sparse-block-size 64/,
    ],
    [
      "norm chunks that don't fit a block",
      { preset: "reference", sparseBlockSize: 96 },
      /multiple of sparse_block_size/,
    ],
    [
      "a stride that doesn't divide",
      { preset: "reference", globalPositionalStride: 48 },
      /--global-positional-stride 48 does not fit/,
      /--global-positional-stride 32/,
    ],
    [
      "a class of another family",
      { architecture: "RobertaModel" },
      /BERT has no such class/,
      /BertForMaskedLM/,
    ],
    ["a class that every object has", { architecture: "Bert__proto__" }, /no such class/],
    ["a decided key", { modelKwargs: { model_type: "roberta" } }, /"model_type" cannot be set/],
    [
      "quantised weights",
      { modelKwargs: { quantization_config: {} } },
      /"quantization_config" cannot be set/,
    ],
    ["heads to prune", { modelKwargs: { pruned_heads: { 0: [1] } } }, /"pruned_heads" cannot be set/],
    ["two ways to hide the first token", { maskFirstToken: true, firstTokenIsGlobal: true }, /both true/],
  ])("%s", async (_, given, message, remedy = /./) => {
    const error = await refusal({}, given);
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(remedy);
  });
});

describe("a target that must not be written", () => {
  const attempt = async (source: string, output: string, given: Record<string, unknown> = {}) =>
    convert(source, output, parseConvertOptions(given)).then(
      () => undefined,
      (error: LsgError) => error,
    );

  test("the source itself, a folder inside it, or one around it", async () => {
    const source = await writeTinyModel();
    for (const output of [
      source,
      join(source, "out"),
      dirname(source),
      join(source, "..", "tiny", ".", "x"),
    ]) {
      const error = await attempt(source, output, { force: true });
      expect(error?.message, output).toMatch(/is the source|lie inside each other/);
      expect(error?.exitCode).toBe(2);
    }
    expect(await readdir(source)).toEqual(["config.json", "model.safetensors", "vocab.txt"]);
  });

  test("an existing model without --force", async () => {
    const source = await writeTinyModel();
    const output = await writeTinyModel();
    expect((await attempt(source, output))?.remedy).toMatch(/--force/);
    expect(await attempt(source, output, { force: true })).toBeUndefined();
    expect(JSON.parse(readFileSync(join(output, "config.json"), "utf8")).base_model_prefix).toBe("lsg");
  });

  test("a folder that is no model, even with --force", async () => {
    const source = await writeTinyModel();
    const output = join(await temporaryFolder(), "photos");
    await mkdir(output);
    await writeFile(join(output, "holiday.jpg"), "x");
    expect((await attempt(source, output, { force: true }))?.message).toMatch(/holds no model/);
    expect(await readdir(output)).toEqual(["holiday.jpg"]);
  });

  test("a file, and a folder below a file", async () => {
    const source = await writeTinyModel();
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "x");
    expect((await attempt(source, file))?.message).toMatch(/is a file/);
    expect((await attempt(source, join(file, "out")))?.exitCode).toBe(2);
    expect(readFileSync(file, "utf8")).toBe("x");
  });

  test.skipIf(process.getuid?.() === 0)("a folder without permission", async () => {
    const source = await writeTinyModel();
    const parent = await temporaryFolder();
    await chmod(parent, 0o500);
    expect((await attempt(source, join(parent, "out")))?.remedy).toMatch(/may write/);
    await chmod(parent, 0o700);
  });
});
