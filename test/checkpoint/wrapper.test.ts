import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findArchitecture, modelTypes } from "../../src/architectures/architectures.js";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { unwrapTensors } from "../../src/checkpoint/wrapper.js";
import { FIXTURES } from "../support/fixtures.js";

/** How names look behind a wrapper that holds the model and nothing else. */
const WRAPPERS: Readonly<Record<string, (name: string) => string>> = {
  DataParallel: (name) => `module.${name}`,
  "torch.compile": (name) => `_orig_mod.${name}`,
  "a compiled model in DataParallel": (name) => `module._orig_mod.${name}`,
  "DataParallel of DataParallel, compiled": (name) => `_orig_mod.module.module.${name}`,
  Fabric: (name) => `_forward_module.${name}`,
  "Lightning, compiled": (name) => `model._orig_mod.${name}`,
  "a module's backbone": (name) => `backbone.${name}`,
  "a module's encoder": (name) => `encoder.${name}`,
  "a module's transformer": (name) => `transformer.${name}`,
  "a base model's own name": (name) => `bert.${name}`,
  "another one's": (name) => `roberta.${name}`,
  "a BART's": (name) => `model.${name}`,
  "sentence-transformers": (name) => `0.auto_model.${name}`,
  "DataParallel around the model in a module": (name) => `net.module.${name}`,
  "layers compiled one by one": (name) => name.replace(/(\.\d+\.)/, "$1_orig_mod."),
  "FSDP of each layer": (name) =>
    `_fsdp_wrapped_module.${name.replace(/(\.\d+\.)/, "$1_fsdp_wrapped_module.")}`,
};

/** A tensor that knows its name. */
const named = (name: string) => ({ name, shape: [2, 2] });

describe.each(modelTypes())("of a %s", (modelType) => {
  const folder = join(FIXTURES, modelType);
  const checkpoints = readdirSync(folder).filter((name) => name.startsWith("checkpoint"));
  const namesOf = async (checkpoint: string) => [
    ...(await readCheckpoint(await openFolder(join(folder, checkpoint)))).tensors.keys(),
  ];

  test.each(checkpoints)("%s: names are read past every wrapper", async (checkpoint) => {
    const names = await namesOf(checkpoint);
    const { basePrefix } = await findArchitecture(modelType);
    // A wrapper may be called like the base model: then a base class's names are those that a class with a head has.
    const ownName = (name: string) => name.replace(`${basePrefix}.`, "");
    for (const [wrapper, wrap] of Object.entries(WRAPPERS)) {
      const stored = new Map(names.map((one) => [wrap(one), named(one)]));
      // Where no model type is named, what a base model is called is taken for that.
      const isBaseName = /base model's own name|another one's|a BART's/.test(wrapper);
      for (const type of isBaseName ? [modelType] : [modelType, undefined]) {
        const read = await unwrapTensors(stored, type);
        expect(read.wrapper, wrapper).toBeUndefined();
        expect([...read.tensors.keys()].map(ownName), wrapper).toEqual(names.map(ownName));
        expect(
          [...read.tensors.values()].map(({ name }) => name),
          wrapper,
        ).toEqual(names);
        const isRenamed = [...read.tensors.keys()].some((name) => !stored.has(name));
        expect(read.remarks, wrapper).toHaveLength(isRenamed ? 1 : 0);
      }
    }
  });

  test.each(checkpoints)("%s: names without a wrapper stay", async (checkpoint) => {
    const stored = new Map((await namesOf(checkpoint)).map((name) => [name, named(name)]));
    expect(await unwrapTensors(stored, modelType)).toEqual({ tensors: stored, remarks: [] });
  });
});

describe("a module with more in it than the model", () => {
  const MODEL = [
    "embeddings.word_embeddings.weight",
    "encoder.layer.0.output.dense.weight",
    "pooler.dense.weight",
  ];
  const read = (names: readonly string[]) =>
    unwrapTensors(new Map(names.map((one) => [one, named(one)])), "bert");

  test.each<[what: string, names: string[], prefixes: string[], outside: string[]]>([
    [
      "a CRF",
      [...MODEL.map((one) => `encoder.${one}`), "crf.transitions"],
      ["encoder."],
      ["crf.transitions"],
    ],
    [
      "a second encoder",
      [...MODEL.map((one) => `bert.encoder.${one}`), "bert.seg_encoder.norm.weight", "classifier.weight"],
      ["bert.encoder."],
      ["bert.seg_encoder.norm.weight", "classifier.weight"],
    ],
    [
      "two towers",
      [...MODEL.map((one) => `query.bert.${one}`), ...MODEL.map((one) => `passage.bert.${one}`)],
      ["query.", "passage."],
      MODEL.map((one) => `passage.bert.${one}`),
    ],
    [
      "the head of a backbone",
      [...MODEL.map((one) => `module.backbone.${one}`), "module.head.weight"],
      ["module.backbone."],
      ["module.head.weight"],
    ],
  ])("%s: names are those of the file", async (_, names, prefixes, outside) => {
    const { tensors, wrapper, remarks } = await read(names);
    expect([...tensors.keys()]).toEqual(names);
    expect(wrapper).toEqual({ prefixes, outside, isBase: !names[0]?.includes("bert.embeddings") });
    expect(remarks).toEqual([]);
  });

  test("beside a model under its own names they are unknown tensors", async () => {
    const names = [...MODEL.map((one) => `bert.${one}`), ...MODEL.map((one) => `teacher.bert.${one}`)];
    expect(await read(names)).toEqual({
      tensors: new Map(names.map((one) => [one, named(one)])),
      remarks: [],
    });
  });

  test("a number alone is none: what an averaged model counts in", async () => {
    const stored = new Map([
      ...MODEL.map((one) => [`module.bert.${one}`, named(one)] as const),
      ["n_averaged", { name: "n_averaged", shape: [] }] as const,
    ]);
    const { tensors, wrapper } = await unwrapTensors(stored, "bert");
    expect(wrapper).toBeUndefined();
    expect([...tensors.keys()]).toEqual([...MODEL.map((one) => `bert.${one}`), "n_averaged"]);
  });

  test("names that become the same are left for the error that names both", async () => {
    const names = [...MODEL.map((one) => `module.bert.${one}`), "module.x", "x"];
    expect([...(await read(names)).tensors.keys()]).toEqual(names);
  });
});
