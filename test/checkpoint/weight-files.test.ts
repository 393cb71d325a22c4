import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { writeSafetensors } from "../support/safetensors.js";
import { writeStateDict } from "../support/state-dict.js";
import { tinyTensors, writeTinyModel } from "../support/tiny-model.js";

const NAMES = Object.keys(tinyTensors());
const SAFETENSORS = writeSafetensors(tinyTensors());
const PYTORCH = writeStateDict(tinyTensors());

/** A tiny model with these weight files alone. */
async function folderWith(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const folder = await writeTinyModel({ files });
  if (!("model.safetensors" in files)) await rm(join(folder, "model.safetensors"));
  return folder;
}

const open = async (folder: string) => readCheckpoint(await openFolder(folder));
const openWith = async (files: Readonly<Record<string, string | Buffer>>) => open(await folderWith(files));
const indexOf = (...shards: string[]) =>
  JSON.stringify({
    weight_map: Object.fromEntries(NAMES.map((name, i) => [name, shards[i % shards.length]])),
  });

test.each([
  ".git",
  ".hidden.safetensors",
  "../model.safetensors",
  "sub/model.safetensors",
  "README.md",
  "aux.safetensors",
  "a:b.safetensors",
  "",
])("an index may not place tensors in %j", async (file) => {
  const index = JSON.stringify({ weight_map: Object.fromEntries(NAMES.map((name) => [name, file])) });
  await expect(openWith({ "model.safetensors.index.json": index })).rejects.toMatchObject({
    message: expect.stringMatching(
      /^model.safetensors.index.json places tensor .* expected a file beside the index/,
    ),
  });
});

describe("a weight file is read by its content", () => {
  test.each([
    ["model.safetensors", SAFETENSORS, "safetensors"],
    ["pytorch_model.bin", SAFETENSORS, "safetensors"],
    ["pytorch_model.bin", PYTORCH, "PyTorch"],
    ["model.safetensors", PYTORCH, "PyTorch"],
  ] as const)("%s (%#)", async (path, content, format) => {
    const { tensors, weightFiles, remarks } = await openWith({ [path]: content });
    expect([...tensors.keys()]).toEqual(NAMES);
    expect(weightFiles).toMatchObject([{ path, format }]);
    expect(remarks).toEqual([]);
  });
});

describe("an index whose shards are not there", () => {
  test("is passed over for weights that are whole, and it says so", async () => {
    const { tensors, weightFiles, remarks } = await openWith({
      "model.safetensors.index.json": indexOf("a.safetensors", "b.safetensors"),
      "pytorch_model.bin": PYTORCH,
    });
    expect([...tensors.keys()]).toEqual(NAMES);
    expect(weightFiles.map(({ path }) => path)).toEqual(["pytorch_model.bin"]);
    expect(remarks).toEqual([
      "model.safetensors.index.json names 2 shards that are not there (a.safetensors, b.safetensors); " +
        "pytorch_model.bin is read instead.",
    ]);
  });

  test("or for shards of the other kind", async () => {
    const { remarks, weightFiles } = await openWith({
      "model.safetensors.index.json": indexOf("a.safetensors"),
      "pytorch_model.bin.index.json": indexOf("pytorch_model-00001-of-00001.bin"),
      "pytorch_model-00001-of-00001.bin": PYTORCH,
    });
    expect(weightFiles.map(({ path }) => path)).toEqual(["pytorch_model-00001-of-00001.bin"]);
    expect(remarks[0]).toMatch(/the shards of pytorch_model.bin.index.json are read instead/);
  });

  test("is refused where nothing else is whole", async () => {
    const files = {
      "model.safetensors.index.json": indexOf("a.safetensors", "b.safetensors"),
      "a.safetensors": SAFETENSORS,
    };
    await expect(openWith(files)).rejects.toThrow(
      "model.safetensors.index.json names a shard that is not there (b.safetensors); tiny has no other weights that are whole",
    );
  });
});

describe("weights that no loader looks for", () => {
  test.each([
    ["epoch=3-step=300.ckpt", PYTORCH, "PyTorch", "pytorch_model.bin"],
    ["best.pt", PYTORCH, "PyTorch", "pytorch_model.bin"],
    ["bert.safetensors", SAFETENSORS, "safetensors", "model.safetensors"],
    ["weights.bin", SAFETENSORS, "safetensors", "model.safetensors"],
  ])("%s: the error says what to call it, and then it opens", async (path, content, format, name) => {
    const folder = await folderWith({ [path]: content, "head.pt": PYTORCH.subarray(0, 200) });
    const refusal = open(folder);
    await expect(refusal).rejects.toThrow(new RegExp(`has no weights: .*; found ${path}, a ${format} file$`));
    await expect(refusal).rejects.toHaveProperty(
      "remedy",
      expect.stringContaining(`rename the file to ${name}`),
    );
    await rename(join(folder, path), join(folder, name));
    expect([...(await open(folder)).tensors.keys()]).toEqual(NAMES);
  });

  test("TensorFlow's are to be saved again", async () => {
    const refusal = openWith({
      "bert_model.ckpt.index": Buffer.alloc(64),
      "bert_model.ckpt.meta": Buffer.alloc(64),
    });
    await expect(refusal).rejects.toThrow("found bert_model.ckpt.index");
    await expect(refusal).rejects.toHaveProperty(
      "remedy",
      expect.stringContaining('from_pretrained("bert_model.ckpt.index", from_tf=True'),
    );
  });

  test.each(["model-q4_k.gguf", "ggml-model-q4_0.bin", "ggml-model.bin"])(
    "%s is named, and the checkpoint asked for that it was made from",
    async (path) => {
      const refusal = openWith({ [path]: Buffer.from("GGUF\x03\0\0\0\0\0\0\0") });
      await expect(refusal).rejects.toThrow(`found ${path}`);
      await expect(refusal).rejects.toHaveProperty("remedy", expect.stringContaining("made from"));
    },
  );

  test("shards without their index say so, and open with it", async () => {
    const shard = "model-00001-of-00001.safetensors";
    const folder = await folderWith({ [shard]: SAFETENSORS });
    await expect(open(folder)).rejects.toThrow(`found ${shard}, whose index is not there`);
    await writeFile(join(folder, "model.safetensors.index.json"), indexOf(shard));
    expect([...(await open(folder)).tensors.keys()]).toEqual(NAMES);
  });
});

describe("a folder without config.json", () => {
  const without = async (files: Readonly<Record<string, string | Buffer>>) => {
    const folder = await writeTinyModel({ files });
    await rm(join(folder, "config.json"));
    return folder;
  };

  test("of sentence-transformers' Router names the encoders, each of which opens", async () => {
    const model = await writeTinyModel();
    const config = JSON.stringify({ model_type: "bert" });
    const files = Object.fromEntries(
      ["query_0_Transformer", "document_0_Transformer"].flatMap((folder) => [
        [`${folder}/config.json`, config],
        [`${folder}/model.safetensors`, SAFETENSORS],
      ]),
    );
    const folder = await without({ ...files, "router_config.json": "{}", "1_Pooling/config.json": "{}" });
    await expect(open(folder)).rejects.toThrow(
      "tiny is a sentence-transformers model with several encoders (router_config.json): " +
        "document_0_Transformer/, query_0_Transformer/; lsg converts models with one",
    );
    expect([...(await open(join(folder, "query_0_Transformer"))).tensors.keys()]).toEqual(NAMES);
    const asym = { types: { query: "x" }, structure: { query: ["query"] } };
    await writeFile(join(folder, "config.json"), JSON.stringify(asym));
    await expect(open(folder)).rejects.toThrow(/with several encoders \(config.json\): document_0_T/);
    expect([...(await open(model)).tensors.keys()]).toEqual(NAMES);
  });

  test("of pytorch-pretrained-bert's layout, and of Google's", async () => {
    const old = await without({ "bert_config.json": "{}" });
    await expect(open(old)).rejects.toThrow("tiny has no config.json, but bert_config.json");
    const google = await without({ "bert_config.json": "{}", "bert_model.ckpt.index": "x" });
    await expect(open(google)).rejects.toThrow(
      "tiny is a TensorFlow checkpoint in Google's layout (bert_config.json, bert_model.ckpt.index)",
    );
  });
});

test.each([
  [["checkpoint-10"], "There is one in checkpoint-10/: name that folder"],
  [["checkpoint-10", "checkpoint-200"], "There are some in checkpoint-10/, checkpoint-200/: name the folder"],
])("without a config of its own, a folder names those that have one: %s", async (folders, remedy) => {
  const files = Object.fromEntries(folders.map((folder) => [`${folder}/config.json`, "{}"]));
  const folder = await folderWith(files);
  await rm(join(folder, "config.json"));
  await expect(open(folder)).rejects.toHaveProperty("remedy", expect.stringContaining(remedy));
});
