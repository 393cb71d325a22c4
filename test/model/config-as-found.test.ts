import { readFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { verify } from "../../src/commands/verify.js";
import { parseConvertOptions, parseExportOptions, parseVerifyOptions } from "../../src/options/options.js";
import { decodeFloats } from "../../src/safetensors/floats.js";
import { temporaryFolder } from "../support/fixtures.js";
import { type ReadTensor, readFolder, writeSafetensors } from "../support/safetensors.js";
import { tinyTensors, writeTinyModel } from "../support/tiny-model.js";

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, output, parseConvertOptions(given));
  const text = (path: string) => readFileSync(join(output, path), "utf8");
  return { output, plan, text, config: JSON.parse(text("config.json")), notes: plan.notes.join("\n") };
}

/** Writes a tiny BERT with its tensors under other names. */
async function renamed(rename: (name: string) => string, config: Record<string, unknown> = {}) {
  const folder = await writeTinyModel({ config: { model_type: undefined, ...config } });
  const tensors = Object.entries(tinyTensors()).map(([name, tensor]) => [rename(name), tensor] as const);
  await writeFile(join(folder, "model.safetensors"), writeSafetensors(Object.fromEntries(tensors)));
  return folder;
}

const untyped = { model_type: undefined, architectures: undefined };

describe("a config without model_type", () => {
  test("gets the one that the tensors leave", async () => {
    const source = await renamed((name) => `bert.${name}`, untyped);
    const { config, notes, plan, output } = await converted(source);
    expect(config.model_type).toBe("bert");
    expect(notes).toContain("config.json has no model_type: the tensors are a bert's");
    expect(plan.record).toMatchObject({ model_type: "bert", model_type_from: "tensors" });
    const report = await verify(output, parseVerifyOptions({ against: source }));
    expect(report.verdict).toBe("sound");
  });

  test("is refused where several fit, and the remedy works", async () => {
    const source = await renamed((name) => name, untyped);
    await expect(converted(source)).rejects.toMatchObject({
      message: expect.stringMatching(/the tensors fit several: bert, .*roberta/),
      remedy: expect.stringContaining("--model-type bert"),
    });
    const { config, plan, output } = await converted(source, { modelType: "bert" });
    expect(config.model_type).toBe("bert");
    expect(plan.record.model_type_from).toBe("option");
    expect((await verify(output, parseVerifyOptions({ against: source }))).verdict).toBe("sound");
    const exported = join(await temporaryFolder(), "graph");
    await exportOnnx(source, exported, parseExportOptions({ modelType: "bert" }));
    expect(JSON.parse(readFileSync(join(exported, "config.json"), "utf8")).model_type).toBe("bert");
  });

  test("is known by the class that it names", async () => {
    const source = await renamed((name) => name, { architectures: ["BertModel"] });
    expect((await converted(source)).plan.record.model_type).toBe("bert");
  });

  test("is refused where nothing fits", async () => {
    const source = await renamed((name) => name.replace("attention.self", "attn"), untyped);
    await expect(converted(source)).rejects.toThrow("those of no model type that can be converted");
  });

  test("contradicts no --model-type, and one that it has may not be contradicted", async () => {
    const source = await writeTinyModel();
    await expect(converted(source, { modelType: "roberta" })).rejects.toThrow(
      '--model-type roberta: config.json says model_type "bert"',
    );
    expect((await converted(source, { modelType: "bert" })).config.model_type).toBe("bert");
  });
});

describe("labels", () => {
  const classifier = (rows: number, config: Record<string, unknown>) =>
    writeTinyModel({
      config: { architectures: ["BertForSequenceClassification"], ...config },
      shapes: { "classifier.weight": [rows, 4], "classifier.bias": [rows] },
    });
  const placeholders = { "0": "LABEL_0", "1": "LABEL_1" };

  test.each([
    [
      "beside two placeholders",
      { num_labels: 50, id2label: placeholders, label2id: { LABEL_0: 0, LABEL_1: 1 } },
    ],
    ["beside nothing", {}],
  ])("follow the weights %s", async (_, given) => {
    const { config, notes } = await converted(await classifier(50, given));
    expect(Object.keys(config.id2label)).toHaveLength(50);
    expect(config.id2label["49"]).toBe("LABEL_49");
    expect(config.label2id.LABEL_49).toBe(49);
    if ("num_labels" in given) expect(config.num_labels).toBe(50);
    expect(notes).toContain("the labels are LABEL_0 to LABEL_49");
  });

  test("with names of their own must be as many as the rows, and the remedy works", async () => {
    const id2label = { "0": "cat", "1": "dog" };
    const source = await classifier(3, { id2label, label2id: { cat: 0, dog: 1 } });
    await expect(converted(source)).rejects.toMatchObject({
      message: expect.stringMatching(
        /id2label names 2 labels \(cat, dog\), and tensor "classifier.weight" .* has 3 rows/,
      ),
      remedy: expect.stringContaining("remove both keys"),
    });
    const { config } = await converted(await classifier(3, {}));
    expect(Object.values(config.id2label)).toEqual(["LABEL_0", "LABEL_1", "LABEL_2"]);
  });

  test("that agree stay as they are", async () => {
    const id2label = { "0": "cat", "1": "dog" };
    const { config, plan } = await converted(await classifier(2, { id2label }));
    expect(config.id2label).toEqual(id2label);
    expect(plan.config.set).not.toHaveProperty("id2label");
  });
});

describe("pruned heads", () => {
  const LAYER = "encoder.layer.0.attention.";
  const pruned = (config: Record<string, unknown> = { pruned_heads: { "0": [0] } }) =>
    writeTinyModel({
      config,
      shapes: Object.fromEntries([
        ...["query", "key", "value"].flatMap((name) => [
          [`${LAYER}self.${name}.weight`, [2, 4]],
          [`${LAYER}self.${name}.bias`, [2]],
        ]),
        [`${LAYER}output.dense.weight`, [4, 2]],
      ]),
    });
  const values = (tensor: ReadTensor | undefined) => [
    ...decodeFloats(tensor?.bytes ?? Buffer.alloc(0), "F32"),
  ];

  test("come back as zeros, in the place where they were", async () => {
    const source = await pruned();
    const { config, notes, output } = await converted(source, { runTest: true });
    const [before, after] = [readFolder(source), readFolder(output)];
    const row = [0, 0, 0, 0];
    expect(after.get(`${LAYER}self.query.weight`)?.shape).toEqual([4, 4]);
    expect(values(after.get(`${LAYER}self.query.weight`))).toEqual([
      ...row,
      ...row,
      ...values(before.get(`${LAYER}self.query.weight`)),
    ]);
    expect(values(after.get(`${LAYER}self.value.bias`))).toEqual([
      0,
      0,
      ...values(before.get(`${LAYER}self.value.bias`)),
    ]);
    const kept = values(before.get(`${LAYER}output.dense.weight`));
    const columns = [0, 2, 4, 6].flatMap((at) => [0, 0, ...kept.slice(at, at + 2)]);
    expect(values(after.get(`${LAYER}output.dense.weight`))).toEqual(columns);
    expect(config).not.toHaveProperty("pruned_heads");
    expect(notes).toContain("Heads were pruned (0 of layer 0)");
  });

  test("that the weights have are refused, and the remedy works", async () => {
    const source = await writeTinyModel({ config: { pruned_heads: { "0": [0] } } });
    await expect(converted(source)).rejects.toMatchObject({
      message: expect.stringContaining("config.json has pruned_heads"),
      remedy: "The weights hold every head: remove pruned_heads from config.json.",
    });
    expect((await converted(await writeTinyModel())).config.model_type).toBe("bert");
  });

  test.each([{ "0": [2] }, { "7": [0] }, { "0": [0, 1] }, { "0": "first" }])(
    "that no layer can lack are refused: %o",
    async (heads) => {
      await expect(converted(await pruned({ pruned_heads: heads }))).rejects.toThrow(
        "config.json: pruned_heads says",
      );
    },
  );

  test("cannot be shared with a graph", async () => {
    const output = join(await temporaryFolder(), "graph");
    const options = parseExportOptions({ onnxWeights: "shared" });
    await expect(exportOnnx(await pruned(), output, options)).rejects.toThrow("lacks pruned heads");
  });

  test("of nobody change nothing", async () => {
    const { config } = await converted(await writeTinyModel({ config: { pruned_heads: {} } }));
    expect(config.pruned_heads).toEqual({});
  });
});

describe("what training left", () => {
  test("asks an LSG model for no matrix of attention", async () => {
    const source = await writeTinyModel({ config: { output_attentions: true, output_hidden_states: true } });
    const { config, notes } = await converted(source);
    expect(config).not.toHaveProperty("output_attentions");
    expect(config.output_hidden_states).toBe(true);
    expect(notes).toContain("config.json asks for output_attentions");
    await expect(converted(source, { modelKwargs: '{"output_attentions": true}' })).rejects.toThrow(
      "LSG attention has no matrix of weights",
    );
  });

  test.each([1, "yes"])("asks for it in whatever Python takes for true: %o", async (output_attentions) => {
    const { config } = await converted(await writeTinyModel({ config: { output_attentions } }));
    expect(config).not.toHaveProperty("output_attentions");
  });

  test("the tokenizer's class stands where pipeline looks for it", async () => {
    const named = { files: { "tokenizer_config.json": '{"tokenizer_class": "BertTokenizerFast"}' } };
    expect((await converted(await writeTinyModel(named))).config.tokenizer_class).toBe("BertTokenizerFast");
    expect((await converted(await writeTinyModel())).config.tokenizer_class).toBe("BertTokenizer");
    const own = { config: { tokenizer_class: "MyTokenizer" } };
    expect((await converted(await writeTinyModel(own))).config.tokenizer_class).toBe("MyTokenizer");
    const v5 = {
      files: {
        "tokenizer_config.json":
          '{"tokenizer_class": "TokenizersBackend", "cls_token": "[CLS]", "mask_token": "[MASK]"}',
      },
    };
    expect((await converted(await writeTinyModel(v5))).config.tokenizer_class).toBe(
      "PreTrainedTokenizerFast",
    );
    // A class that finds none of its files there would not open what opens without it.
    const foreign = await writeTinyModel();
    await rename(join(foreign, "vocab.txt"), join(foreign, "vocab.json"));
    await writeFile(join(foreign, "vocab.json"), '{"[CLS]": 2, "[MASK]": 4}');
    expect((await converted(foreign)).config).not.toHaveProperty("tokenizer_class");
    const none = await writeTinyModel();
    await rm(join(none, "vocab.txt"));
    expect((await converted(none)).config).not.toHaveProperty("tokenizer_class");
  });
});

describe("a tokenizer that transformers 5 saved", () => {
  const notesOf = async (settings: object) =>
    (await converted(await writeTinyModel({ files: { "tokenizer_config.json": JSON.stringify(settings) } })))
      .notes;

  test.each([
    [
      { tokenizer_class: "TokenizersBackend", cls_token: "[CLS]", mask_token: "[MASK]" },
      '"tokenizer_class": "PreTrainedTokenizerFast"',
    ],
    [{ extra_special_tokens: ["[E]"] }, "additional_special_tokens for the key extra_special_tokens"],
  ])("is named, with the way to open it in transformers 4: %o", async (settings, way) => {
    expect(await notesOf(settings)).toContain(`transformers 4 does not open it: for both, write ${way}`);
  });

  test("is not suspected in others", async () => {
    expect(await notesOf({ tokenizer_class: "BertTokenizer" })).not.toContain("transformers 4");
    expect(await notesOf({ extra_special_tokens: { image: "[I]" } })).not.toContain("transformers 4");
  });
});

describe("older layouts", () => {
  test("bert_config.json is named, and the remedy works", async () => {
    const source = await renamed(
      (name) =>
        `bert.${name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")}`,
      untyped,
    );
    await rename(join(source, "config.json"), join(source, "bert_config.json"));
    await expect(converted(source)).rejects.toMatchObject({
      message: expect.stringContaining("has no config.json, but bert_config.json"),
      remedy: expect.stringContaining("Rename bert_config.json to config.json"),
    });
    await rename(join(source, "bert_config.json"), join(source, "config.json"));
    expect((await converted(source)).config.model_type).toBe("bert");
  });

  test("a TensorFlow checkpoint is named", async () => {
    const source = await writeTinyModel({ files: { "bert_model.ckpt.index": "", "bert_config.json": "{}" } });
    await rm(join(source, "config.json"));
    await rm(join(source, "model.safetensors"));
    await expect(converted(source)).rejects.toThrow("is a TensorFlow checkpoint");
  });
});

test("a head is found under TensorFlow's names for its norm", async () => {
  const head = {
    "cls.predictions.transform.dense.weight": [4, 4],
    "cls.predictions.transform.dense.bias": [4],
    "cls.predictions.transform.LayerNorm.gamma": [4],
    "cls.predictions.transform.LayerNorm.beta": [4],
    "cls.predictions.bias": [6],
  };
  const source = await writeTinyModel({ config: { architectures: undefined }, shapes: head });
  expect((await converted(source)).config.architectures).toEqual(["LSGBertForMaskedLM"]);
});
