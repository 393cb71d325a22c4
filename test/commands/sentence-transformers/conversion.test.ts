import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../../src/commands/convert.js";
import { parseConvertOptions } from "../../../src/options/options.js";
import { temporaryFolder } from "../../support/fixtures.js";
import { axesOf, openModel } from "../../support/onnx.js";
import { convertTo, exportTo, HOME } from "./support.js";

const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

/** A copy of a fixture that may be written to. */
async function copyOf(fixture: string): Promise<string> {
  const folder = join(await temporaryFolder(), fixture);
  await cp(join(HOME, fixture), folder, { recursive: true });
  return folder;
}

async function dryRun(source: string) {
  const options = parseConvertOptions({ maxSequenceLength: 256, dryRun: true });
  return (await convert(source, undefined, options)).plan;
}

async function outputsOf(graph: string): Promise<Record<string, unknown>> {
  const session = await openModel(graph);
  const outputs = session.outputNames.map((name) => [name, axesOf(session.outputMetadata, name)]);
  await session.release();
  return Object.fromEntries(outputs);
}

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    );
}

describe("a folder whose transformer lies in 0_Transformer/", () => {
  let home: string;
  let output: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "lsg-test-"));
    output = join(home, "out");
    await convertTo(join(HOME, "nested"), output);
  });
  afterAll(() => rm(home, { recursive: true }));

  test("has it at the top, with its code; everything else is byte for byte as it was", async () => {
    const found = await files(output);
    expect(found).toEqual(
      expect.arrayContaining(["config.json", "model.safetensors", "modeling_lsg_bert.py"]),
    );
    expect(found.filter((path) => path.startsWith("0_Transformer"))).toEqual([]);
    for (const path of [
      "1_Pooling/config.json",
      "2_Dense/config.json",
      "2_Dense/pytorch_model.bin",
      "config_sentence_transformers.json",
    ]) {
      expect(await readFile(join(output, path))).toEqual(await readFile(join(HOME, "nested", path)));
    }
    for (const path of ["vocab.txt", "tokenizer.json", "special_tokens_map.json"]) {
      expect(await readFile(join(output, path))).toEqual(
        await readFile(join(HOME, "nested", "0_Transformer", path)),
      );
    }
  });

  test("modules.json says so, and differs in nothing else", async () => {
    const [before, after] = await Promise.all(
      [join(HOME, "nested"), output].map((folder) => readFile(join(folder, "modules.json"), "utf8")),
    );
    expect(after).toBe(before?.replace('"path": "0_Transformer"', '"path": ""'));
  });

  test("every limit of the length is raised", () => {
    expect(json(output, "sentence_bert_config.json").max_seq_length).toBe(256);
    expect(json(output, "tokenizer_config.json").model_max_length).toBe(256);
    expect(json(output, "config.json").max_position_embeddings).toBe(256);
  });

  test("the plan tells it", async () => {
    expect((await dryRun(join(HOME, "nested"))).notes).toContainEqual(
      expect.stringMatching(/^The transformer's files move from 0_Transformer\/ to the top/),
    );
  });

  test("is exported into a folder of the same layout, but not in its own place", async () => {
    const folder = join(await temporaryFolder(), "exported");
    await exportTo(join(HOME, "nested"), folder);
    expect(await files(folder)).toEqual(
      expect.arrayContaining(["config.json", "modules.json", "1_Pooling/config.json", "onnx/model.onnx"]),
    );
    expect(json(folder, "modules.json")[0].path).toBe("");
    const own = await copyOf("nested");
    const before = await files(own);
    await expect(exportTo(own, own)).rejects.toThrow(/lies in 0_Transformer\//);
    expect(await files(own)).toEqual(before);
  });

  test("what both have stays the whole model's", async () => {
    const source = await copyOf("nested");
    await writeFile(join(source, "README.md"), "# The whole\n");
    await writeFile(join(source, "0_Transformer", "README.md"), "# The part\n");
    await writeFile(join(source, "config.json"), '{"__version__": "0.2.0"}');
    const folder = join(await temporaryFolder(), "out");
    await convertTo(source, folder);
    expect(await readFile(join(folder, "README.md"), "utf8")).toContain("# The whole");
    expect(json(folder, "config.json").model_type).toBe("bert");
  });
});

describe("a sentence-transformers folder of today", () => {
  test("keeps prompts, modules and their weights byte for byte", async () => {
    const folder = join(await temporaryFolder(), "out");
    await convertTo(join(HOME, "modern"), folder);
    const kept = (await files(join(HOME, "modern"))).filter((path) =>
      /^\d|modules|config_sentence|sentence_bert/.test(path),
    );
    expect(kept).toHaveLength(11);
    for (const path of kept) {
      expect(await readFile(join(folder, path))).toEqual(await readFile(join(HOME, "modern", path)));
    }
  });

  test("lengths that its own settings state are raised", async () => {
    const source = await copyOf("modern");
    const settings = {
      max_seq_length: 48,
      processing_kwargs: { text: { truncation: true, max_length: 40 }, common: {} },
      processor_kwargs: { model_max_length: 44 },
    };
    await writeFile(join(source, "sentence_bert_config.json"), JSON.stringify(settings));
    const folder = join(await temporaryFolder(), "out");
    await convertTo(source, folder);
    expect(json(folder, "sentence_bert_config.json")).toEqual({
      max_seq_length: 256,
      processing_kwargs: { text: { truncation: true, max_length: 256 }, common: {} },
      processor_kwargs: { model_max_length: 256 },
    });
  });

  test("its graph has the tokens and the embedding; by --task the tokens alone", async () => {
    const folder = await temporaryFolder();
    const tokens = { last_hidden_state: ["batch_size", "sequence_length", 16] };
    const { notes } = await exportTo(join(HOME, "modern"), join(folder, "a"));
    expect(notes).toEqual(["The graph gives sentence_embedding: 10 numbers for each text."]);
    expect(await outputsOf(join(folder, "a", "onnx", "model.onnx"))).toEqual({
      ...tokens,
      sentence_embedding: ["batch_size", 10],
    });
    await exportTo(join(HOME, "modern"), join(folder, "b"), { task: "feature-extraction" });
    expect(await outputsOf(join(folder, "b", "onnx", "model.onnx"))).toEqual(tokens);
  });

  test.each([
    [{ include_prompt: false, pooling_mode: "mean" }, /leaves the prompt out \(include_prompt\)/],
    [{ pooling_mode: "median" }, /pools by "median"/],
  ])("a pooling that a graph cannot have is left out, with the reason: %j", async (pooling, reason) => {
    const source = await copyOf("modern");
    await writeFile(join(source, "2_Pooling", "config.json"), JSON.stringify(pooling));
    const folder = join(await temporaryFolder(), "out");
    const { notes } = await exportTo(source, folder);
    expect(notes).toEqual([expect.stringMatching(reason)]);
    expect(Object.keys(await outputsOf(join(folder, "onnx", "model.onnx")))).toEqual(["last_hidden_state"]);
  });

  test("weights that do not fit a module's config are refused before anything is written", async () => {
    const source = await copyOf("modern");
    await rm(join(source, "5_Dense", "model.safetensors"));
    const output = join(await temporaryFolder(), "out");
    await expect(exportTo(source, output)).rejects.toThrow(/5_Dense\/ has no weights/);
    await cp(join(source, "1_Dense", "model.safetensors"), join(source, "5_Dense", "model.safetensors"));
    await expect(exportTo(source, output)).rejects.toThrow(
      /"5_Dense\/linear.weight" has shape \[12,16\], expected \[10,72\]/,
    );
    expect(await readdir(join(output, ".."))).toEqual([]);
  });
});

test("a cross-encoder keeps its activation and says how it is opened", async () => {
  const folder = join(await temporaryFolder(), "out");
  await convertTo(join(HOME, "cross-encoder"), folder);
  const { sentence_transformers, architectures } = json(folder, "config.json");
  expect(sentence_transformers).toEqual(json(HOME, "cross-encoder", "config.json").sentence_transformers);
  expect(architectures).toEqual(["LSGBertForSequenceClassification"]);
  expect(await readFile(join(folder, "README.md"), "utf8")).toContain(
    'model = CrossEncoder("PATH_OR_ID", trust_remote_code=True)',
  );
});

describe("ColBERTs", () => {
  test("the ColBERT library's own keeps its class, its layer and its settings; doc_maxlen is raised and said so", async () => {
    const folder = join(await temporaryFolder(), "out");
    const { plan } = await convertTo(join(HOME, "colbert"), folder, { onnx: true });
    const { architectures, auto_map } = json(folder, "config.json");
    expect(architectures).toEqual(["HF_ColBERT"]);
    expect(auto_map.AutoModel).toBe("modeling_lsg_bert.LSGBertModel");
    expect(plan.shards[0]?.tensors.has("linear.weight")).toBe(true);
    const { doc_maxlen, ...others } = json(folder, "artifact.metadata");
    expect(doc_maxlen).toBe(256);
    expect(json(HOME, "colbert", "artifact.metadata")).toEqual({ ...others, doc_maxlen: 48 });
    expect(plan.notes).toContainEqual(
      expect.stringMatching(/^artifact.metadata: doc_maxlen is raised from 48 to 256/),
    );
    expect(await outputsOf(join(folder, "onnx", "model.onnx"))).toEqual({
      output: ["batch_size", "sequence_length", 8],
    });
  });

  test("one that is cut reads shorter documents, and it is said so", async () => {
    const folder = join(await temporaryFolder(), "out");
    const { plan } = await convertTo(join(HOME, "colbert"), folder, { maxSequenceLength: 32 });
    expect(json(folder, "artifact.metadata").doc_maxlen).toBe(32);
    expect(plan.notes).toContain(
      "artifact.metadata: doc_maxlen is lowered from 48 to 32: longer documents are cut.",
    );
  });

  test("a class that the ColBERT library would open instead is told", async () => {
    const source = await copyOf("colbert");
    const metadata = json(source, "artifact.metadata");
    await writeFile(
      join(source, "artifact.metadata"),
      JSON.stringify({ ...metadata, model_name: "bert-base-uncased" }),
    );
    expect((await dryRun(source)).notes).toContainEqual(
      expect.stringMatching(/model_name is "bert-base-uncased": the ColBERT library opens that class/),
    );
  });

  test("PyLate's keeps everything but the length of documents", async () => {
    const folder = join(await temporaryFolder(), "out");
    await convertTo(join(HOME, "pylate"), folder);
    const [before, after] = [HOME, ""].map((home) =>
      home
        ? json(home, "pylate", "config_sentence_transformers.json")
        : json(folder, "config_sentence_transformers.json"),
    );
    expect(after).toEqual({ ...before, document_length: 256 });
    expect(after.query_length).toBe(12);
    expect(await readFile(join(folder, "README.md"), "utf8")).toContain("from pylate.models import ColBERT");
  });
});

describe("adapters are refused before anything is written, with what to do", () => {
  test.each([
    [
      "beside its model",
      "modern",
      "",
      "adapter_model.safetensors",
      /holds an adapter beside its model/,
      /merge_and_unload/,
    ],
    [
      "in 0_Transformer/",
      "nested",
      "0_Transformer",
      "adapter_model.safetensors",
      /holds an adapter/,
      /merge_and_unload/,
    ],
    ["of the adapters library", "modern", "", "pytorch_adapter.bin", /holds an adapter/, /merge_adapter/],
  ])("%s", async (_, fixture, place, weights, message, remedy) => {
    const source = await copyOf(fixture);
    await writeFile(join(source, place, "adapter_config.json"), '{"peft_type": "LORA"}');
    await writeFile(join(source, place, weights), "");
    const output = join(await temporaryFolder(), "out");
    const refusal = await convertTo(source, output).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy),
    });
    await expect(exportTo(source, output)).rejects.toThrow(message);
    expect(await readdir(join(output, ".."))).toEqual([]);
  });

  test("alone", async () => {
    const source = join(await temporaryFolder(), "adapter");
    await mkdir(source);
    await writeFile(join(source, "adapter_config.json"), "{}");
    await expect(convertTo(source, join(source, "..", "out"))).rejects.toThrow(
      /is an adapter, not a whole model/,
    );
  });
});
