import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import type { FileSource } from "../../src/checkpoint/file-source.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { openModel } from "../../src/model/open.js";
import { type TinyModel, writeTinyModel } from "../support/tiny-model.js";

/** A tiny BERT, and what was read of it so far: each file once for each time. */
async function watchedModel(model: TinyModel = {}) {
  const folder = await writeTinyModel({ files: { "vocab.txt": "a\nb\n" }, ...model });
  const files = await openFolder(folder);
  const reads: string[] = [];
  const noting =
    <A extends unknown[], R>(read: (path: string, ...rest: A) => R) =>
    (path: string, ...rest: A) => {
      reads.push(path);
      return read(path, ...rest);
    };
  const source: FileSource = {
    ...files,
    read: noting(files.read),
    readRange: noting(files.readRange),
    localPath: noting(files.localPath),
  };
  return { folder, reads, model: openModel(source) };
}

describe("a part of a model", () => {
  test("is read when it is asked for, the weights' headers not for the config", async () => {
    const { model, reads } = await watchedModel();
    expect(reads).toEqual([]);
    expect((await model.config()).model_type).toBe("bert");
    expect((await model.namedArchitecture()).title).toBe("BERT");
    expect(reads).toEqual(["config.json"]);
    await model.checkpoint();
    expect(reads).toContain("model.safetensors");
    expect(reads).not.toContain("vocab.txt");
    await model.contents();
    expect(reads).toContain("vocab.txt");
  });

  test("is read once, whatever is made of it", async () => {
    const { model, reads } = await watchedModel();
    await model.read();
    const before = [...reads];
    const described = await model.model();
    expect(await model.model()).toBe(described);
    expect(described.positions()).toBe(described.positions());
    expect(await (await model.as({ className: "BertForMaskedLM" })).contents()).toBe(await model.contents());
    await model.readFile("vocab.txt");
    expect(reads).toEqual(before);
  });

  test("has an error of its own, each time", async () => {
    const { model, folder } = await watchedModel();
    await writeFile(join(folder, "model.safetensors"), "no weights");
    await expect(model.checkpoint()).rejects.toThrow(/model\.safetensors/);
    await expect(model.model()).rejects.toThrow(/model\.safetensors/);
    expect((await model.namedArchitecture()).title).toBe("BERT");
    expect([...(await model.contents()).keys()]).toContain("vocab.txt");
  });
});

describe("config and weights that contradict each other", () => {
  const named = { id2label: { "0": "bad", "1": "good", "2": "neither" } };
  const config = { architectures: ["BertForSequenceClassification"], ...named };
  const shapes = { "classifier.weight": [2, 4], "classifier.bias": [2] };

  test("leave the checkpoint as found, and the model without an architecture", async () => {
    const { model } = await watchedModel({ config, shapes });
    expect(await model.checkpoint()).toBe(await model.found());
    for (const part of [model.architecture(), model.model()]) {
      await expect(part).rejects.toThrow(/id2label names 3 labels/);
    }
  });
});

describe("a model seen as something else", () => {
  test("is described by other keys, though it cannot be as it is", async () => {
    const { model } = await watchedModel({ config: { num_attention_heads: 3 } });
    await expect(model.model()).rejects.toThrow(/3 attention heads don't divide/);
    const changed = await model.as({ kwargs: { num_attention_heads: 2 } });
    expect(changed.sizes.heads).toBe(2);
    expect(changed.checkpoint.config.num_attention_heads).toBe(3);
    expect(() => changed.as({})).toThrow(CheckpointError);
  });

  test("forgets what it was seen as", async () => {
    const { model } = await watchedModel();
    const masked = await model.as({ className: "BertForMaskedLM", kwargs: { hidden_act: "relu" } });
    expect([...masked.tensors.keys()]).toContain("bert.embeddings.word_embeddings.weight");
    const own = masked.as({});
    expect(own.config.hidden_act).toBeUndefined();
    expect(own.target.className).toBe("BertModel");
    expect([...own.tensors.keys()]).toContain("embeddings.word_embeddings.weight");
  });
});
