import { readdirSync, readFileSync } from "node:fs";
import { cp, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { type Inputs, type Outputs, openModel, relativeDifference, runModel } from "../support/onnx.js";
import { TINY_CONFIG, TINY_SHAPES, writeTinyModel } from "../support/tiny-model.js";

const BERT = join(FIXTURES, "bert", "checkpoint");

const exportInPlace = (folder: string, given: Record<string, unknown> = {}) =>
  exportOnnx(folder, undefined, parseExportOptions(given));

async function exportTo(source: string, given: Record<string, unknown> = {}): Promise<string> {
  const output = join(await temporaryFolder(), "out");
  await exportOnnx(source, output, parseExportOptions(given));
  return output;
}

/** A copy of a fixture that may be written to. */
async function copyOf(fixture: string): Promise<string> {
  const folder = join(await temporaryFolder(), "model");
  await cp(fixture, folder, { recursive: true });
  return folder;
}

/** Every file of a folder by its path, with its bytes. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1), readFileSync(path, "latin1")];
    }),
  );
}

const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), "utf8"));

/** Nine tokens in two rows, one of them padded. */
const NINE: Inputs = {
  input_ids: { dims: [2, 9], values: [5, 4, 3, 2, 1, 0, 5, 3, 1, 2, 4, 5, 1, 2, 3, 1, 1, 1] },
  attention_mask: { dims: [2, 9], values: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0] },
};
const NINE_TYPED: Inputs = {
  ...NINE,
  token_type_ids: { dims: [2, 9], values: Array.from({ length: 18 }, (_, i) => (i % 9 > 5 ? 1 : 0)) },
};

async function outputsOf(graph: string, inputs: Inputs): Promise<Outputs> {
  const session = await openModel(graph);
  try {
    return await runModel(session, inputs);
  } finally {
    await session.release();
  }
}

/** Names, dims and numbers; a graph whose weights are cast or transposed when it loads may round otherwise. */
function expectSame(actual: Outputs, expected: Outputs) {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { dims, values }] of Object.entries(expected)) {
    expect(actual[name]?.dims).toEqual(dims);
    expect(relativeDifference(actual[name]?.values ?? [], values), name).toBeLessThan(1e-6);
  }
}

describe("the folder", () => {
  test("without an output stays as it was, but for the graph and a hint in config.json", async () => {
    const folder = await writeTinyModel({ files: { "notes/own.txt": "mine", "onnx/other.txt": "mine too" } });
    const before = contents(folder);
    const { output, files } = await exportInPlace(folder);
    const { "onnx/model.onnx": graph, "config.json": config, ...rest } = contents(folder);
    const { "config.json": configBefore, ...restBefore } = before;
    expect([output, files]).toEqual([folder, ["onnx/model.onnx"]]);
    expect(graph?.length).toBeGreaterThan(1000);
    expect(rest).toEqual(restBefore);
    const hint = { "transformers.js_config": { dtype: "fp32" } };
    expect(JSON.parse(config ?? "")).toEqual({ ...JSON.parse(configBefore ?? ""), ...hint });
  });

  test("config.json keeps its spelling and the hints that are there", async () => {
    const hints = { device: "webgpu", kv_cache_dtype: "float16" };
    const text = `{\n\t"layer_norm_eps": 1.0E-12,\n\t"transformers.js_config": ${JSON.stringify(hints)},\n${JSON.stringify(TINY_CONFIG).slice(1)}`;
    const folder = await writeTinyModel({ files: { "config.json": text } });
    await exportInPlace(folder);
    const written = await readFile(join(folder, "config.json"), "utf8");
    expect(written).toContain('\t"layer_norm_eps": 1.0E-12,');
    expect(JSON.parse(written)["transformers.js_config"]).toEqual({ ...hints, dtype: "fp32" });
  });

  test("as an output is whole: config, tokenizer and the graph, no other weights", async () => {
    const before = contents(BERT);
    const output = await exportTo(BERT);
    const small = Object.keys(before).filter((path) => !/safetensors/.test(path));
    const written = contents(output);
    expect(Object.keys(written).sort()).toEqual([...small, "onnx/model.onnx"].sort());
    for (const path of small.filter((path) => path !== "config.json"))
      expect(written[path], path).toBe(before[path]);
    expect(contents(BERT)).toEqual(before);
  });

  test("exported twice holds the same bytes", async () => {
    const folder = await copyOf(BERT);
    await exportInPlace(folder, { onnxWeights: "external" });
    const once = contents(folder);
    await exportInPlace(folder, { onnxWeights: "external" });
    expect(contents(folder)).toEqual(once);
    const other = contents(await exportTo(BERT, { onnxWeights: "external" }));
    expect(other["onnx/model.onnx"]).toBe(once["onnx/model.onnx"]);
  });

  test("exported again in another way keeps nothing of the first", async () => {
    const folder = await copyOf(BERT);
    const first = { ...contents(folder), "config.json": "" };
    for (const [onnxWeights, files] of [
      ["external", ["onnx/model.onnx", "onnx/model.onnx_data"]],
      ["shared", ["model.onnx"]],
      ["external", ["onnx/model.onnx", "onnx/model.onnx_data"]],
      ["embedded", ["onnx/model.onnx"]],
    ] as const) {
      await exportInPlace(folder, { onnxWeights });
      expect(Object.keys(contents(folder)).sort(), onnxWeights).toEqual(
        [...Object.keys(first), ...files].sort(),
      );
      const { "transformers.js_config": hints } = await json(folder, "config.json");
      const external = { use_external_data_format: { "model.onnx": 1 } };
      expect(hints, onnxWeights).toEqual({ dtype: "fp32", ...(onnxWeights === "external" && external) });
    }
  });

  test("an aborted export leaves it as it was", async () => {
    const folder = await copyOf(BERT);
    const before = contents(folder);
    const abort = new AbortController();
    abort.abort(new Error("enough"));
    const parent = await temporaryFolder();
    for (const output of [undefined, join(parent, "out")]) {
      const run = exportOnnx(folder, output, parseExportOptions({}), { signal: abort.signal });
      await expect(run).rejects.toThrow();
    }
    expect(contents(folder)).toEqual(before);
    expect(await readdir(parent)).toEqual([]);
  });

  test("an export that fails half-way leaves it as it was", async () => {
    const folder = await writeTinyModel();
    await writeFile(join(folder, "onnx"), "a file where the folder should be");
    const before = contents(folder);
    await expect(exportInPlace(folder)).rejects.toThrow();
    expect(contents(folder)).toEqual(before);
  });
});

describe("weights", () => {
  test.each([
    ["two shards", BERT],
    ["BF16", join(FIXTURES, "roberta", "checkpoint")],
    ["F16 and F32", join(FIXTURES, "electra", "checkpoint")],
  ])("embedded, external and shared give the same outputs: %s", async (_, fixture) => {
    const inputs = fixture.includes("roberta") ? NINE : NINE_TYPED;
    for (const source of [fixture, await converted(fixture)]) {
      const embedded = await exportTo(source, { onnxWeights: "embedded" });
      const external = await exportTo(source, { onnxWeights: "external" });
      const shared = await exportTo(source, { onnxWeights: "shared" });
      const expected = await outputsOf(join(embedded, "onnx/model.onnx"), inputs);
      expectSame(await outputsOf(join(external, "onnx/model.onnx"), inputs), expected);
      expectSame(await outputsOf(join(shared, "model.onnx"), inputs), expected);
      expect(await readdir(shared)).not.toContain("onnx");
      // Without its weights, more than 100 kB, a graph of two layers has some 30 kB.
      expect(await graphBytes(join(embedded, "onnx/model.onnx"))).toBeGreaterThan(100_000);
      expect(await graphBytes(join(shared, "model.onnx"))).toBeLessThan(50_000);
      expect(await graphBytes(join(external, "onnx/model.onnx"))).toBeLessThan(50_000);
    }
  });

  test("of a .bin file in shards are those of its conversion", async () => {
    const source = join(FIXTURES, "distilbert", "checkpoint-bare");
    const task = { task: "feature-extraction" };
    const ours = await exportTo(await converted(source, { architecture: "DistilBertModel" }), task);
    const expected = await outputsOf(join(ours, "onnx/model.onnx"), NINE);
    expectSame(await outputsOf(join(await exportTo(source, task), "onnx/model.onnx"), NINE), expected);
  });

  test("that are tied are stored once", async () => {
    const words = 20_000;
    const source = await writeLanguageModel(words, { tie_word_embeddings: true });
    const graph = join(await exportTo(source), "onnx/model.onnx");
    const matrixBytes = words * TINY_CONFIG.hidden_size * 4;
    expect(await graphBytes(graph)).toBeLessThan(1.5 * matrixBytes);
    const untied = await writeLanguageModel(words, { tie_word_embeddings: false });
    expect(await graphBytes(join(await exportTo(untied), "onnx/model.onnx"))).toBeGreaterThan(
      2 * matrixBytes,
    );
  });

  test("that the task does not need stay out", async () => {
    const names = await initializers(
      join(await exportTo(BERT, { task: "feature-extraction" }), "onnx/model.onnx"),
    );
    expect(names).toContain("bert.embeddings.word_embeddings.weight");
    expect(names.filter((name) => /^cls|pooler/.test(name))).toEqual([]);
    const all = await initializers(join(await exportTo(BERT), "onnx/model.onnx"));
    expect(all.filter((name) => /^cls|pooler/.test(name)).length).toBeGreaterThan(6);
    expect(new Set(all).size).toBe(all.length);
  });

  test("shared behind a symbolic link are copied into an output", async () => {
    const source = await writeTinyModel();
    await rename(join(source, "model.safetensors"), join(source, "blob"));
    await symlink(join(source, "blob"), join(source, "model.safetensors"));
    const output = await exportTo(source, { onnxWeights: "shared" });
    const { last_hidden_state } = await outputsOf(join(output, "model.onnx"), tinyInputs(5));
    expect(last_hidden_state?.dims).toEqual([1, 5, 4]);
  });
});

describe("tasks", () => {
  test("are the head's by default, and features on demand", async () => {
    const qa = join(FIXTURES, "distilbert", "checkpoint");
    const output = join(await temporaryFolder(), "out");
    const result = await exportOnnx(qa, output, parseExportOptions({}));
    expect(result).toEqual({
      output,
      files: ["onnx/model.onnx"],
      bytes: { "onnx/model.onnx": (await stat(join(output, "onnx", "model.onnx"))).size },
      task: "question-answering",
      attention: "full",
      notes: [],
    });
    const features = await exportOnnx(qa, `${output}-2`, parseExportOptions({ task: "feature-extraction" }));
    expect(features.task).toBe("feature-extraction");
    const session = await openModel(join(`${output}-2`, "onnx/model.onnx"));
    expect(session.outputNames).toEqual(["last_hidden_state"]);
    await session.release();
  });
});

describe("a head with one label", () => {
  test.each([
    ["BertForTokenClassification", ["batch_size", "sequence_length", 1], [1, 5, 1]],
    ["BertForSequenceClassification", ["batch_size", 1], [1, 1]],
  ])("%s keeps its axis", async (architecture, shape, dims) => {
    const source = await writeTinyModel();
    const folder = join(await temporaryFolder(), "out");
    const modelKwargs = { num_labels: 1 };
    await convert(source, folder, parseConvertOptions({ architecture, modelKwargs, onnx: true }));
    const session = await openModel(join(folder, "onnx/model.onnx"));
    expect(session.outputMetadata).toEqual([{ name: "logits", isTensor: true, type: "float32", shape }]);
    expect((await runModel(session, tinyInputs(5))).logits?.dims).toEqual(dims);
    await session.release();
  });
});

describe("lsg convert --onnx", () => {
  test.each(["embedded", "external", "shared"])(
    "%s writes the graph that lsg export writes",
    async (onnxWeights) => {
      const folder = await converted(BERT, { onnx: true, onnxWeights });
      const before = contents(folder);
      await exportInPlace(folder, { onnxWeights });
      expect(contents(folder)).toEqual(before);
      expect(Object.keys(before)).toContain(onnxWeights === "shared" ? "model.onnx" : "onnx/model.onnx");
    },
  );
});

describe("an odd number of positions", () => {
  test.each([5, 7, 8])(
    "%i: the faithful conversion computes what the original computes",
    async (positions) => {
      const source = await writeTinyModel({
        config: { max_position_embeddings: positions },
        shapes: { "embeddings.position_embeddings.weight": [positions, 4] },
      });
      const [full, lsg] = [await exportTo(source), await exportTo(await converted(source))];
      for (let length = 1; length <= positions; length++) {
        const expected = await outputsOf(join(full, "onnx/model.onnx"), tinyInputs(length));
        expectSame(await outputsOf(join(lsg, "onnx/model.onnx"), tinyInputs(length)), expected);
      }
    },
  );
});

describe("lsg export", () => {
  test("prints where the graph is; with --json one document", async () => {
    const folder = await writeTinyModel();
    const text = await lsg(["export", folder]);
    expect(text).toMatchObject({ code: 0, stdout: "" });
    expect(text.stderr).toMatch(/feature-extraction with full attention[\s\S]*onnx\/model.onnx/);
    const { code, stdout, stderr } = await lsg(["export", folder, "--json", "--onnx-weights", "external"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({
      output: folder,
      files: ["onnx/model.onnx", "onnx/model.onnx_data"],
      bytes: { "onnx/model.onnx": expect.any(Number), "onnx/model.onnx_data": expect.any(Number) },
      task: "feature-extraction",
      attention: "full",
      notes: [],
    });
  });

  test("a signal stops it, and nothing is left behind", async () => {
    const folder = await writeLanguageModel(3_000_000, {});
    const before = (await readdir(folder)).sort();
    const { code, signal } = await stoppedExport(folder);
    expect([code, signal]).toEqual([143, "SIGTERM while it wrote"]);
    expect((await readdir(folder)).sort()).toEqual(before);
    expect(await json(folder, "config.json")).not.toHaveProperty("transformers.js_config");
  });
});

/** Starts an export and ends it with SIGTERM as soon as its work folder is there. */
async function stoppedExport(folder: string) {
  const { spawn } = await import("node:child_process");
  const { LSG } = await import("../support/cli.js");
  const child = spawn(process.execPath, [LSG, "export", folder, "--quiet"], { stdio: "ignore" });
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  let signal = "never wrote";
  while (child.exitCode === null && signal === "never wrote") {
    if ((await readdir(folder)).some((name) => name.startsWith(".partial-"))) {
      child.kill("SIGTERM");
      signal = "SIGTERM while it wrote";
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { code: await closed, signal };
}

async function converted(source: string, given: Record<string, unknown> = {}): Promise<string> {
  const output = join(await temporaryFolder(), "converted");
  await convert(source, output, parseConvertOptions({ ...given, maxSequenceLength: 600 }));
  return output;
}

/** A masked language model of so many words, four numbers each. */
function writeLanguageModel(words: number, config: Record<string, unknown>): Promise<string> {
  const shapes = Object.fromEntries(
    Object.entries(TINY_SHAPES).flatMap(([name, shape]) => [
      [name, undefined],
      [`bert.${name}`, shape],
    ]),
  );
  return writeTinyModel({
    config: { vocab_size: words, architectures: ["BertForMaskedLM"], ...config },
    shapes: {
      ...shapes,
      "bert.embeddings.word_embeddings.weight": [words, 4],
      "cls.predictions.transform.dense.weight": [4, 4],
      "cls.predictions.transform.dense.bias": [4],
      "cls.predictions.transform.LayerNorm.weight": [4],
      "cls.predictions.transform.LayerNorm.bias": [4],
      "cls.predictions.bias": [words],
      // A copy of the tied matrix, as some checkpoints have it.
      "cls.predictions.decoder.weight": [words, 4],
    },
  });
}

function tinyInputs(length: number): Inputs {
  const values = (value: (i: number) => number) => ({
    dims: [1, length],
    values: Array.from({ length }, (_, i) => value(i)),
  });
  return {
    input_ids: values((i) => (i * 5 + 2) % 6),
    attention_mask: values(() => 1),
    token_type_ids: values((i) => i % 2),
  };
}

async function graphBytes(path: string): Promise<number> {
  return (await stat(path)).size;
}

async function initializers(path: string): Promise<string[]> {
  const { graph } = fromBinary(ModelProtoSchema, await readFile(path));
  return (graph?.initializer ?? []).map(({ name }) => name);
}
