import { readdirSync, readFileSync } from "node:fs";
import { cp, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LsgError } from "../../src/base/errors.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseExportOptions } from "../../src/options/options.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { type TinyModel, writeTinyModel } from "../support/tiny-model.js";

/** Exports in place and into an output; both are refused alike and write nothing. */
async function refusalOf(source: string, given: Record<string, unknown> = {}): Promise<LsgError> {
  const before = listing(source);
  const parent = await temporaryFolder();
  const errors = [undefined, join(parent, "out")].map((output) =>
    Promise.resolve()
      .then(() => exportOnnx(source, output, parseExportOptions(given)))
      .then(
        () => undefined,
        (reason: unknown) => reason,
      ),
  );
  const [inPlace, whole] = [await errors[0], await errors[1]];
  expect(inPlace).toBeInstanceOf(LsgError);
  expect(String(whole)).toBe(String(inPlace));
  expect((inPlace as LsgError).exitCode).toBe(2);
  expect(listing(source), "nothing is written").toEqual(before);
  expect(await readdir(parent), "nothing is written").toEqual([]);
  return inPlace as LsgError;
}

const refusal = async (model: TinyModel, given: Record<string, unknown> = {}) =>
  refusalOf(await writeTinyModel(model), given);

function listing(folder: string) {
  const config = readFileSync(join(folder, "config.json"), "latin1");
  return [...readdirSync(folder, { recursive: true }).sort(), config];
}

describe("a task", () => {
  test("for which the checkpoint has no head", async () => {
    const error = await refusalOf(join(FIXTURES, "distilbert", "checkpoint"), { task: "fill-mask" });
    expect(error.message).toBe("--task fill-mask: the checkpoint has no head for it");
    expect(error.remedy).toMatch(/question-answering and feature-extraction/);
  });

  test("of a head that config.json names and the weights lack; without it the base model is exported", async () => {
    const model = { config: { architectures: ["BertForTokenClassification"] } };
    const error = await refusal(model, { task: "token-classification" });
    expect(error.message).toBe("--task token-classification: the checkpoint has no head for it");
    const { task, notes } = await exportOnnx(await writeTinyModel(model), undefined, parseExportOptions({}));
    expect([task, notes[0]]).toEqual([
      "feature-extraction",
      "config.json names BertForTokenClassification, of whose head the weights have nothing: the base model is " +
        "exported (BertModel), which is what AutoModel and sentence-transformers open.",
    ]);
  });

  test("that nobody knows", async () => {
    expect((await refusal({}, { task: "poetry" })).remedy).toMatch(/exported for feature-extraction/);
    expect((await refusal({}, { task: "__proto__" })).message).toMatch(/--task __proto__/);
  });
});

test.each([[[1]], [[1, [1, 2]]], [[1, 0]], ["2"]])(
  "a Longformer whose dilation is %j",
  async (attention_dilation) => {
    const source = await changedCheckpoint(join(FIXTURES, "longformer", "checkpoint"), {
      config: { attention_dilation },
    });
    const error = await refusalOf(source);
    expect(error.message).toMatch(
      /config.json: attention_dilation is .*, expected a positive integer or 2 of them, or .* a list of 4/,
    );
    expect(error.remedy).toMatch(/one number, or to one for each layer of the encoder, or/);
  },
);

describe("--onnx-weights shared", () => {
  test.each([
    ["xlm-roberta", "checkpoint", "pytorch_model.bin"],
    ["distilbert", "checkpoint-bare", "pytorch_model-00001-of-00002.bin"],
  ])("of a .bin file: %s", async (modelType, checkpoint, file) => {
    const source = join(FIXTURES, modelType, checkpoint);
    const error = await refusalOf(source, { onnxWeights: "shared", task: "feature-extraction" });
    expect(error.message).toMatch(`${file} is no safetensors file`);
    expect(error.remedy).toMatch(/Convert the checkpoint first/);
  });

  test("in a folder whose weights are links", async () => {
    const source = await writeTinyModel();
    await rename(join(source, "model.safetensors"), join(source, "blob"));
    await symlink(join(source, "blob"), join(source, "model.safetensors"));
    const run = exportOnnx(source, undefined, parseExportOptions({ onnxWeights: "shared" }));
    await expect(run).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/model.safetensors is a link/),
      remedy: expect.stringMatching(/Name an output folder/),
    });
    expect((await readdir(source)).sort()).toEqual(["blob", "config.json", "model.safetensors", "vocab.txt"]);
  });

  test("and anything else than the three places", () => {
    expect(() => parseExportOptions({ onnxWeights: "inline" })).toThrow(/embedded, external, shared/);
  });
});

describe("a model that a graph cannot be made of", () => {
  test.each<[crime: string, config: Record<string, unknown>, message: RegExp]>([
    ["an unknown activation", { hidden_act: "swoosh" }, /activation "swoosh" is not known/],
    ["an activation that every object has", { hidden_act: "constructor" }, /activation "constructor"/],
    ["an activation that is no name", { hidden_act: 1 }, /activation 1 is not known/],
    ["an unknown model_type", { model_type: "mamba" }, /"mamba" cannot be/],
    ["relative positions", { position_embedding_type: "relative_key" }, /position_embedding_type/],
    ["one half of a pair", { is_decoder: true, add_cross_attention: true }, /add_cross_attention/],
    ["more layers than tensors", { num_hidden_layers: 2 }, /"encoder.layer.1.*" is missing/],
    ["another width", { hidden_size: 8 }, /has shape \[6,4\], config.json says \[6,8\]/],
    ["another vocabulary", { vocab_size: 7 }, /has shape \[6,4\], config.json says \[7,4\]/],
    ["another inner width", { intermediate_size: 16 }, /has shape \[8,4\], config.json says \[16,4\]/],
    ["another length", { max_position_embeddings: 9 }, /has shape \[8,4\], config.json says \[9,4\]/],
  ])("%s", async (_, config, message) => {
    expect((await refusal({ config })).message).toMatch(message);
  });

  test.each<[crime: string, keys: Record<string, unknown>, message: RegExp]>([
    ["sizes that do not fit", { block_size: 4, sparsity_factor: 3 }, /block_size 4.* do not fit together/],
    ["a number of globals", { num_global_tokens: 513 }, /num_global_tokens/],
    [
      "globals scaled where attention is full",
      { sparsity_type: "none", global_scaling_length: 7 },
      /global_scaling_length 7 is below two blocks of 4/,
    ],
    ["an unknown sparsity", { sparsity_type: "top" }, /sparsity_type/],
    ["no table of global tokens", { sparsity_type: "none" }, /global_embeddings.weight" is missing/],
    [
      "globals before a causal input",
      { is_decoder: true, sparsity_type: "none" },
      /causal attention with 1 global/,
    ],
  ])("LSG: %s", async (_, keys, message) => {
    const config = { architectures: ["LSGBertModel"], base_model_prefix: "lsg", block_size: 4, ...keys };
    expect((await refusal({ config })).message).toMatch(message);
  });

  test("LSG: a table of global tokens that is cut short", async () => {
    const error = await refusal({
      config: { architectures: ["LSGBertModel"], sparsity_type: "none" },
      shapes: { "embeddings.global_embeddings.weight": [16, 4] },
    });
    expect(error.message).toMatch(/has shape \[16,4\], config.json says \[512,4\]/);
  });

  test("a tensor of integers", async () => {
    const error = await refusal({ dtype: "I32" });
    expect(error.message).toMatch(/I32/);
  });

  test("a damaged file", async () => {
    const error = await refusal({ files: { "model.safetensors": Buffer.from("not a header") } });
    expect(error.message).toMatch(/model.safetensors/);
  });
});

describe("an output", () => {
  test("that exists is kept, without --force", async () => {
    const [source, output] = [await writeTinyModel(), await writeTinyModel()];
    const before = listing(output);
    await expect(exportOnnx(source, output, parseExportOptions({}))).rejects.toMatchObject({ exitCode: 2 });
    expect(listing(output)).toEqual(before);
    await exportOnnx(source, output, parseExportOptions({ force: true }));
    expect(listing(output)).toContain(join("onnx", "model.onnx"));
  });

  test("inside of the source", async () => {
    const source = await writeTinyModel();
    const run = exportOnnx(source, join(source, "out"), parseExportOptions({}));
    await expect(run).rejects.toThrow(/lie inside each other/);
  });
});

describe("lsg export", () => {
  test("leaves with 2 and says the remedy", async () => {
    const folder = join(await temporaryFolder(), "qa");
    await cp(join(FIXTURES, "distilbert", "checkpoint"), folder, { recursive: true });
    const { code, stdout, stderr } = await lsg(["export", folder, "--task", "fill-mask"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe(
      "lsg: --task fill-mask: the checkpoint has no head for it\n" +
        "     It can be exported for question-answering and feature-extraction.\n",
    );
    const json = await lsg(["export", folder, "--task", "fill-mask", "--json"]);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { message: expect.stringMatching(/no head/) } });
  });

  test.each([
    [["export"], /missing required argument 'model'/],
    [["export", "no/such/folder/anywhere"], /no\/such\/folder/],
    [["export", "x", "--onnx-weights", "nowhere"], /embedded, external, shared/],
  ])("%j leaves with 2", async (args, message) => {
    const { code, stderr } = await lsg(args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  test("with a folder that is no model", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "readme.txt"), "nothing");
    const { code, stderr } = await lsg(["export", folder]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/config.json/)]);
    expect(await readdir(folder)).toEqual(["readme.txt"]);
  });
});
