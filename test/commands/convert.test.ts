import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { decodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { killedRun } from "../support/killed-run.js";
import { type ReadTensor, readFolder } from "../support/safetensors.js";
import { TINY_CONFIG, tinyTensors, writeTinyModel } from "../support/tiny-model.js";

const POSITIONS = "embeddings.position_embeddings.weight";
const GLOBALS = "embeddings.global_embeddings.weight";
const WORDS = "embeddings.word_embeddings.weight";

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, output, parseConvertOptions(given));
  const json = (path: string) => JSON.parse(readFileSync(join(output, path), "utf8"));
  return { output, plan, json, config: json("config.json"), tensors: readFolder(output) };
}

const values = (tensor: ReadTensor | undefined) => [...decodeFloats(tensor?.bytes ?? Buffer.alloc(0), "F32")];

describe("positions", () => {
  test("repeat row by row, the last time cut", async () => {
    const { tensors, config } = await converted(await writeTinyModel(), { maxSequenceLength: 21 });
    const source = values(tinyTensors()[POSITIONS]);
    expect(values(tensors.get(POSITIONS))).toEqual([...source, ...source, ...source.slice(0, 5 * 4)]);
    expect(config.max_position_embeddings).toBe(21);
  });

  test("may stay as many as they are", async () => {
    const { tensors } = await converted(await writeTinyModel(), { maxSequenceLength: 8 });
    expect(values(tensors.get(POSITIONS))).toEqual(values(tinyTensors()[POSITIONS]));
  });

  test("by default become 4096, or twice the source's where that is more", async () => {
    expect((await converted(await writeTinyModel())).config.max_position_embeddings).toBe(4096);
    const config = { max_position_embeddings: 4096 };
    const long = await writeTinyModel({ config, shapes: { [POSITIONS]: [4096, 4] } });
    expect((await converted(long)).config.max_position_embeddings).toBe(8192);
  });

  test("of a RoBERTa begin behind the padding id, whatever it is", async () => {
    const source = join(await temporaryFolder(), "roberta");
    await cp(join(FIXTURES, "roberta", "checkpoint-1026"), source, { recursive: true });
    const config = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
    await writeFile(join(source, "config.json"), JSON.stringify({ ...config, pad_token_id: 5 }));
    const { tensors, config: result } = await converted(source, { maxSequenceLength: 1500 });
    const name = `roberta.${POSITIONS}`;
    const before = readFolder(source).get(name)?.bytes ?? Buffer.alloc(0);
    const after = tensors.get(name)?.bytes ?? Buffer.alloc(0);
    const row = 32 * 4;
    expect(result.max_position_embeddings).toBe(6 + 1500);
    expect(after.subarray(0, 1026 * row)).toEqual(before);
    expect(after.subarray(1026 * row)).toEqual(before.subarray(6 * row, (6 + 1500 - 1020) * row));
  });
});

describe("the table of global tokens", () => {
  test("cycles through the positions of a source with fewer than 512", async () => {
    const { tensors } = await converted(await writeTinyModel(), { globalPositionalStride: 4 });
    const source = tinyTensors();
    const row = (name: string, index: number) => values(source[name]).slice(index * 4, index * 4 + 4);
    const table = values(tensors.get(GLOBALS));
    expect(table.length).toBe(512 * 4);
    // Row i of 512 in stride order 4: every fourth position first, each taken modulo 8.
    for (const i of [0, 1, 2, 127, 128, 300, 511]) {
      const position = ((i % 128) * 4 + Math.floor(i / 128)) % 8;
      const word = row(WORDS, i === 0 ? 2 : 4);
      const type = row("embeddings.token_type_embeddings.weight", 0);
      const expected = row(POSITIONS, position).map((p, d) =>
        Math.fround(Math.fround(p + word[d]!) + type[d]!),
      );
      expect(table.slice(i * 4, i * 4 + 4), `row ${i}`).toEqual(expected);
    }
  });

  test("drawn at random has the word embeddings' mean and spread, and follows the seed", async () => {
    const words = 3000;
    const source = await writeTinyModel({ config: { vocab_size: words }, shapes: { [WORDS]: [words, 4] } });
    const draw = async (seed: number) =>
      values(
        (await converted(source, { randomGlobalInit: true, seed, useTokenIds: false })).tensors.get(GLOBALS),
      );
    const [first, again, other] = [await draw(1), await draw(1), await draw(2)];
    expect(again).toEqual(first);
    expect(other.slice(4)).not.toEqual(first.slice(4));
    expect(other.slice(0, 4)).toEqual(first.slice(0, 4));
    // The embeddings count up in steps of 1/64: mean 6000/64 and standard deviation 3000·4/√12/64 = 54 in
    // every column. 511 draws give both to within 4 standard errors.
    const column = Array.from({ length: 511 }, (_, i) => first[(i + 1) * 4]!);
    const mean = column.reduce((sum, value) => sum + value, 0) / 511;
    const deviation = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 511);
    expect(Math.abs(mean - 94 - 187.6)).toBeLessThan(4 * (54 / Math.sqrt(511)) + 10);
    expect(Math.abs(deviation - 54)).toBeLessThan(4 * (54 / Math.sqrt(2 * 511)));
  });

  test("takes the wider dtype where the summands differ", async () => {
    const { tensors } = await converted(join(FIXTURES, "electra", "checkpoint"));
    const dtypes = ["word", "position", "global"].map(
      (kind) => tensors.get(`electra.embeddings.${kind}_embeddings.weight`)?.dtype,
    );
    expect(dtypes).toEqual(["F32", "F16", "F32"]);
  });
});

describe("everything else survives", () => {
  test("unknown tensors, config keys and files, in subfolders too", async () => {
    const pooling = '{"word_embedding_dimension": 4}';
    const source = await writeTinyModel({
      config: { my_key: { nested: [1, 2.5] } },
      shapes: { "my_head.weight": [3, 4] },
      files: {
        "modules.json": JSON.stringify([{ path: "" }, { path: "1_Pooling" }, { path: "2_Dense" }]),
        "1_Pooling/config.json": pooling,
        "2_Dense/model.safetensors": "dense",
        "notes/deep/er.txt": "text",
        "sentence_bert_config.json": '{"max_seq_length": 8, "do_lower_case": false}',
        "pytorch_model.bin": "not looked at",
        "onnx/model.onnx": "old length",
        "training_args.bin": "pickle",
      },
    });
    const { output, config, tensors, json, plan } = await converted(source);
    expect(config.my_key).toEqual({ nested: [1, 2.5] });
    expect(values(tensors.get("my_head.weight"))).toEqual(
      values(tinyTensors({ shapes: { "my_head.weight": [3, 4] } })["my_head.weight"]),
    );
    expect(readFileSync(join(output, "1_Pooling/config.json"), "utf8")).toBe(pooling);
    expect(readFileSync(join(output, "2_Dense/model.safetensors"), "utf8")).toBe("dense");
    expect(readFileSync(join(output, "notes/deep/er.txt"), "utf8")).toBe("text");
    expect(json("sentence_bert_config.json")).toEqual({ max_seq_length: 4096, do_lower_case: false });
    expect(existsSync(join(output, "pytorch_model.bin"))).toBe(false);
    expect(plan.omitted.map(({ path }) => path)).toEqual(["onnx/model.onnx", "training_args.bin"]);
  });

  test("the way in which config.json spells its numbers", async () => {
    const text = JSON.stringify({ ...TINY_CONFIG, layer_norm_eps: 1 }).replace(
      '"layer_norm_eps":1',
      '"layer_norm_eps":1.0E-12',
    );
    const { output } = await converted(await writeTinyModel({ files: { "config.json": text } }));
    expect(readFileSync(join(output, "config.json"), "utf8")).toContain('"layer_norm_eps":1.0E-12');
  });

  test("an unknown class: its base model is converted, its tensors keep their names", async () => {
    const prefixed = Object.fromEntries(
      Object.entries(tinyTensors()).map(([name, tensor]) => [`bert.${name}`, tensor.shape]),
    );
    const gone = Object.fromEntries(Object.keys(tinyTensors()).map((name) => [name, undefined]));
    const source = await writeTinyModel({
      config: { architectures: ["BertForRanking"] },
      shapes: { ...gone, ...prefixed, "linear.weight": [2, 4] },
    });
    const { config, tensors, plan } = await converted(source);
    expect(config.architectures).toEqual(["LSGBertModel"]);
    expect([...tensors.keys()]).toEqual(
      expect.arrayContaining([`bert.${GLOBALS}`, `bert.${WORDS}`, "linear.weight"]),
    );
    expect(plan.notes.join()).toMatch(/BertForRanking is not a class that lsg knows/);
  });
});

describe("names", () => {
  test("a base model's get the prefix when a head is put on", async () => {
    const { tensors, plan, config } = await converted(await writeTinyModel(), {
      architecture: "BertForTokenClassification",
      modelKwargs: { num_labels: 5 },
    });
    expect(tensors.get("classifier.weight")?.shape).toEqual([5, 4]);
    expect(tensors.has(`bert.${WORDS}`)).toBe(true);
    expect(config.id2label).toEqual({ 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2", 3: "LABEL_3", 4: "LABEL_4" });
    expect(plan.notes.join()).toMatch(/new head.*must be trained: classifier.weight, classifier.bias/);
    expect(values(tensors.get("classifier.bias"))).toEqual([0, 0, 0, 0, 0]);
  });

  test("a head that is replaced is dropped with the reason", async () => {
    const { plan, tensors } = await converted(join(FIXTURES, "roberta", "checkpoint"), {
      architecture: "RobertaForSequenceClassification",
    });
    const dropped = plan.dropped.map(({ name }) => name);
    expect(dropped).toEqual(expect.arrayContaining(["lm_head.bias", "lm_head.dense.weight"]));
    expect(plan.dropped.find(({ name }) => name === "lm_head.bias")?.reason).toMatch(
      /head of RobertaForMaskedLM/,
    );
    expect(tensors.get("classifier.out_proj.weight")?.shape).toEqual([2, 32]);
  });

  test("without architectures in the config, the class follows from the tensors", async () => {
    const shapes = { "classifier.weight": [2, 4], "classifier.bias": [2] };
    const { config } = await converted(
      await writeTinyModel({ config: { architectures: undefined }, shapes }),
    );
    expect(config.architectures).toEqual(["LSGBertForSequenceClassification"]);
    const plain = await converted(await writeTinyModel({ config: { architectures: undefined } }));
    expect(plain.config.architectures).toEqual(["LSGBertModel"]);
  });
});

describe("an LSG checkpoint as the source", () => {
  const source = join(FIXTURES, "roberta", "lsg");

  test("--resize-lsg changes nothing but the length", async () => {
    const { config, tensors, plan } = await converted(source, { resizeLsg: true, maxSequenceLength: 1500 });
    const before = readFolder(source);
    for (const [name, tensor] of before) {
      if (!name.endsWith("position_embeddings.weight"))
        expect(tensors.get(name)?.bytes, name).toEqual(tensor.bytes);
    }
    expect(tensors.get(`roberta.${POSITIONS}`)?.shape).toEqual([1502, 32]);
    const original = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
    expect(config).toMatchObject({ sparsity_type: original.sparsity_type, block_size: original.block_size });
    expect(plan.record.promise.lossless_up_to).toBe(600);
  });

  test("our own result can be converted again", async () => {
    const { output } = await converted(await writeTinyModel(), { maxSequenceLength: 16 });
    const { config, tensors, json } = await converted(output, { resizeLsg: true, maxSequenceLength: 32 });
    expect(config).toMatchObject({ max_position_embeddings: 32, first_token_is_global: true, block_size: 4 });
    expect(tensors.get(POSITIONS)?.shape).toEqual([32, 4]);
    expect(json("lsg_conversion.json").max_sequence_length).toEqual({ from: 16, to: 32 });
  });
});

test("the faithful preset is lossless by its own record, the reference's is not", async () => {
  const source = join(FIXTURES, "bert", "checkpoint");
  const faithful = await converted(source);
  expect(faithful.config).toMatchObject({
    block_size: 256,
    first_token_is_global: true,
    num_global_tokens: 1,
    sparsity_type: "none",
    auto_map: { AutoConfig: "modeling_lsg_bert.LSGBertConfig", AutoModel: "modeling_lsg_bert.LSGBertModel" },
  });
  expect(faithful.json("lsg_conversion.json").promise).toEqual({
    lossless_up_to: 512,
    hidden_states_up_to: 512,
  });
  const reference = await converted(source, { preset: "reference" });
  expect(reference.json("lsg_conversion.json").promise).toEqual({
    lossless_up_to: 0,
    hidden_states_up_to: 0,
    why: expect.stringContaining("with --preset reference "),
  });
});

test("the same input and options give the same bytes", async () => {
  const given = { randomGlobalInit: true, architecture: "BertForSequenceClassification" };
  const hashes = async () => {
    const { output } = await converted(join(FIXTURES, "bert", "checkpoint"), given);
    const files = await readdir(output);
    return files.sort().map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(output, file)))
        .digest("hex"),
    ]);
  };
  expect(await hashes()).toEqual(await hashes());
});

test("no file tells where on this machine the source lay", async () => {
  const { output } = await converted(await writeTinyModel({ config: { _name_or_path: "/home/me/secret" } }));
  for (const file of await readdir(output))
    expect(readFileSync(join(output, file), "latin1")).not.toMatch(/lsg-test|secret/);
});

test("a folder of shards stays a folder of shards", async () => {
  const { output, tensors, json } = await converted(join(FIXTURES, "bert", "checkpoint"));
  const index = json("model.safetensors.index.json");
  expect(Object.keys(index.weight_map).sort()).toEqual([...tensors.keys()].sort());
  const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
  expect(index.metadata.total_size).toBe(bytes);
  expect(new Set(Object.values(index.weight_map))).toEqual(
    new Set((await readdir(output)).filter((file) => file.endsWith(".safetensors"))),
  );
});

test("a replaced folder that a killed run left aside comes back", async () => {
  const output = await writeTinyModel();
  await killedRun(output, "between");
  expect(await readdir(dirname(output))).not.toContain(basename(output));
  const source = await writeTinyModel();
  await expect(convert(source, output, parseConvertOptions({}))).rejects.toThrow(/exists/);
  expect(await readdir(output)).toContain("config.json");
});

test("an aborted run leaves nothing behind", async () => {
  const source = await writeTinyModel();
  const parent = await temporaryFolder();
  await mkdir(join(parent, "keep"));
  const abort = new AbortController();
  abort.abort(new Error("enough"));
  const run = convert(source, join(parent, "out"), parseConvertOptions({}), { signal: abort.signal });
  await expect(run).rejects.toThrow("enough");
  expect(await readdir(parent)).toEqual(["keep"]);
  await rm(join(parent, "keep"), { recursive: true });
});

describe("a language model's bias, which has two names", () => {
  const HEAD = {
    "bert.embeddings.word_embeddings.weight": [6, 4],
    "cls.predictions.transform.dense.weight": [4, 4],
    "cls.predictions.transform.dense.bias": [4],
    "cls.predictions.transform.LayerNorm.weight": [4],
    "cls.predictions.transform.LayerNorm.bias": [4],
    "cls.predictions.decoder.weight": [6, 4],
    "cls.predictions.bias": [6],
  };
  const model = (tied: boolean) => {
    const shapes = { "embeddings.word_embeddings.weight": undefined, ...HEAD };
    return writeTinyModel({
      shapes,
      config: { architectures: ["BertForMaskedLM"], tie_word_embeddings: tied },
    });
  };

  test("is written under both where weights are not tied: transformers 5 shares it no longer", async () => {
    const { tensors } = await converted(await model(false));
    const [bias, second] = ["cls.predictions.bias", "cls.predictions.decoder.bias"].map((n) =>
      tensors.get(n),
    );
    expect(second).toBeDefined();
    expect(second).toEqual(bias);
  });

  test("stays as it is where they are tied", async () => {
    const { tensors } = await converted(await model(true));
    expect(tensors.has("cls.predictions.bias")).toBe(true);
    expect(tensors.has("cls.predictions.decoder.bias")).toBe(false);
  });
});
