import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { allArchitectures, findArchitecture } from "../../src/architectures/architectures.js";
import { openSource } from "../../src/checkpoint/open-source.js";
import { convert } from "../../src/commands/convert.js";
import { openModel } from "../../src/model/open.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { planModel } from "../../src/plan/plan-source.js";
import type { ConversionPlan } from "../../src/plan/types.js";
import { type Changes, changedCheckpoint } from "../support/changed-checkpoint.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import type { ReadTensor } from "../support/safetensors.js";

type Given = Readonly<Record<string, unknown>>;

const BERT = join(FIXTURES, "bert", "checkpoint");
const ROBERTA = join(FIXTURES, "roberta", "checkpoint");
const MPNET = join(FIXTURES, "mpnet", "checkpoint");

async function planOf(source: string, given: Given = {}): Promise<ConversionPlan> {
  const opened = openModel(await openSource(source));
  return planModel(opened, parseConvertOptions(given), { source: { model: "source" } });
}

async function promiseOf(source: string, given: Given = {}) {
  return (await planOf(source, given)).record.promise;
}

const changed = async (source: string, changes: Changes, given: Given = {}) =>
  planOf(await changedCheckpoint(source, changes), given);

/** Tensors with two numbers each. */
const extra = (...names: string[]) => {
  const tensor: ReadTensor = { dtype: "F32", shape: [2], bytes: Buffer.alloc(8) };
  return (tensors: Map<string, ReadTensor>) => {
    for (const name of names) tensors.set(name, tensor);
  };
};

const NOTHING = { lossless_up_to: 0, hidden_states_up_to: 0 };
const HIDDEN_STATES = { lossless_up_to: 0, hidden_states_up_to: 512 };

const architectures = await allArchitectures();
const withSafetensors = architectures.filter(
  ({ modelType }) => !existsSync(join(FIXTURES, modelType, "checkpoint", "pytorch_model.bin")),
);
const modelTypes = architectures.map(({ modelType }) => modelType);

describe("keys that change outputs", () => {
  test.each(modelTypes)("%s: one that --model-kwargs changes leaves no promise", async (modelType) => {
    const source = join(FIXTURES, modelType, "checkpoint");
    const { config } = await findArchitecture(modelType);
    const { activation, normEpsilon, heads } = config;
    const own = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
    const changes = [
      [activation, Object.values(own).includes("relu") ? "gelu" : "relu"],
      [normEpsilon, 0.25],
      [heads, 1],
    ] as const;
    for (const [key, value] of changes) {
      if (typeof key === "number") continue;
      // A table of biases has a column for each head: its rows decide.
      if (key === heads && modelType === "mpnet") continue;
      const promise = await promiseOf(source, { modelKwargs: { [key[0]]: value } });
      expect(promise, key[0]).toMatchObject(NOTHING);
      expect(promise.why).toContain(`--model-kwargs changes ${key[0]},`);
    }
  });

  test.each(modelTypes)("%s: training, names of labels and unknown keys keep it", async (modelType) => {
    const source = join(FIXTURES, modelType, "checkpoint");
    const before = await promiseOf(source);
    expect(before.lossless_up_to).toBeGreaterThan(1);
    const modelKwargs = {
      id2label: { 0: "one", 1: "two" },
      label2id: { one: 0, two: 1 },
      hidden_dropout_prob: 0.3,
      initializer_range: 0.5,
      my_own_key: { deep: [1] },
      problem_type: "multi_label_classification",
    };
    const labels = JSON.parse(readFileSync(join(source, "config.json"), "utf8")).id2label;
    const { id2label: _, label2id: __, ...others } = modelKwargs;
    const fits = labels === undefined || Object.keys(labels).length === 2;
    expect(await promiseOf(source, { modelKwargs: fits ? modelKwargs : others })).toEqual(before);
  });

  test("a key that is set to what it is by default changes nothing", async () => {
    const source = await changedCheckpoint(BERT, {
      config: { hidden_act: undefined, pad_token_id: undefined },
    });
    const modelKwargs = { hidden_act: "gelu", pad_token_id: 0, tie_word_embeddings: true };
    expect((await promiseOf(source, { modelKwargs })).lossless_up_to).toBe(512);
  });

  test("a source that cannot be run without them is promised nothing", async () => {
    const source = await changedCheckpoint(BERT, { config: { num_hidden_layers: 3 } });
    await expect(planOf(source)).rejects.toMatchObject({
      message: expect.stringMatching(/weights have 2 layers, config.json says 3 \(num_hidden_layers\)/),
      remedy: expect.stringContaining(`--model-kwargs '{"num_hidden_layers": 2}'`),
    });
    const promise = await promiseOf(source, { modelKwargs: { num_hidden_layers: 2 } });
    expect(promise).toMatchObject(NOTHING);
    expect(promise.why).toMatch(/num_hidden_layers/);
  });
});

describe("the class of the source", () => {
  test.each([
    ["BertWithFilm", BERT],
    ["AntiBERTy", BERT],
    ["RobertaLongForMaskedLM", ROBERTA],
    ["MyMPNet", MPNET],
  ])("%s, which lsg does not know: the base model's hidden states", async (className, source) => {
    const { record, notes } = await changed(source, { config: { architectures: [className] } });
    expect(record.promise).toEqual({ ...HIDDEN_STATES, why: expect.stringContaining(className) });
    expect(record.architecture).toMatch(/^LSG(Bert|Roberta|MPNet)Model$/);
    expect(notes.join("\n")).toContain("The base model's hidden states are the original's up to 512 tokens");
    expect(notes.join("\n")).not.toMatch(/Lossless:/);
  });

  test.each([
    { AutoModelForMaskedLM: "modeling_own.BertForMaskedLM" },
    { AutoConfig: "someone/repo--configuration_own.BertConfig" },
    { AutoModel: ["modeling_own.A", null] },
  ])("code of its own, %o: nothing, and whose it is", async (autoMap) => {
    const { record, notes } = await changed(BERT, { config: { auto_map: autoMap } });
    expect(record.promise).toEqual({ ...NOTHING, why: expect.stringMatching(/auto_map opens \S*_own\.\w+/) });
    // The remedy, followed.
    expect(notes.join("\n")).toContain("remove auto_map");
    expect((await changed(BERT, { config: { auto_map: undefined } })).record.promise.lossless_up_to).toBe(
      512,
    );
  });

  test("a tokenizer's own code computes no outputs", async () => {
    const auto_map = { AutoTokenizer: ["tokenization_own.T", null] };
    expect((await changed(BERT, { config: { auto_map } })).record.promise.lossless_up_to).toBe(512);
  });

  test("own code and no position table: refused, with whose code it is", async () => {
    const plan = changed(BERT, {
      config: { auto_map: { AutoConfig: "c.B", AutoModel: "bert_layers.BertModel" } },
      tensors: (all) => all.delete("bert.embeddings.position_embeddings.weight"),
    });
    await expect(plan).rejects.toMatchObject({
      message: expect.stringContaining('"bert.embeddings.position_embeddings.weight" is missing'),
      remedy: expect.stringContaining("auto_map opens bert_layers.BertModel"),
    });
  });

  test.each(["TFAutoModel", "FlaxAutoModelForMaskedLM"])("auto_map for %s: nothing", async (key) => {
    const { record } = await changed(BERT, { config: { auto_map: { [key]: "modeling_own.T" } } });
    expect(record.promise).toEqual({ ...NOTHING, why: expect.stringContaining("modeling_own.T") });
  });

  test("attention_window: null is none", async () => {
    const { record } = await changed(BERT, { config: { attention_window: null } });
    expect(record.promise.lossless_up_to).toBe(512);
  });

  test("attention_window: nothing; trained projections of global tokens are kept as a Longformer's", async () => {
    const globals = ["query", "key", "value"].map((part) => `roberta.encoder.layer.0.attention.self.${part}`);
    const source = await changedCheckpoint(ROBERTA, {
      config: { attention_window: [64, 64] },
      tensors(all) {
        for (const name of globals) {
          for (const part of ["weight", "bias"]) {
            const own = all.get(`${name}.${part}`) as ReadTensor;
            all.set(`${name}_global.${part}`, { ...own, bytes: Buffer.alloc(own.bytes.length, 1) });
          }
        }
      },
    });
    const lsg = await planOf(source);
    expect(lsg.record.promise).toEqual({ ...NOTHING, why: expect.stringContaining("attention_window") });
    expect(lsg.config.remove).toContain("attention_window");
    const longformer = await planOf(source, { to: "longformer" });
    expect(longformer.record.promise).toMatchObject(NOTHING);
    expect(longformer.config.set.attention_window ?? [64, 64]).toEqual([64, 64]);
    const origin = (name: string) =>
      longformer.shards
        .flatMap(({ tensors }) => [...tensors])
        .flatMap(([key, { segments }]) => (key.endsWith(name) ? segments : []))
        .map((segment) => segment.kind === "copy" && segment.rows.tensor);
    expect(origin("layer.0.attention.self.query_global.weight")).toEqual([`${globals[0]}_global.weight`]);
    expect(origin("layer.1.attention.self.query_global.weight")).toEqual([
      "roberta.encoder.layer.1.attention.self.query.weight",
    ]);
  });

  test("adapters inside the layers: nothing, and how to merge them", async () => {
    const query = "bert.encoder.layer.0.attention.self.query";
    const names = [`${query}.lora_A`, `${query}.lora_B`];
    const { record, notes, carried } = await changed(BERT, { tensors: extra(...names) });
    expect(record.promise).toEqual({
      ...NOTHING,
      why: expect.stringContaining("layer.*.attention.self.query.lora_A"),
    });
    expect(carried).toEqual(names);
    expect(notes.join("\n")).toMatch(/Merge the adapter .*merge_and_unload\(\)/);
    const inPlace = changed(BERT, {
      tensors(all) {
        all.set(`${query}.base_layer.weight`, all.get(`${query}.weight`) as ReadTensor);
        all.delete(`${query}.weight`);
        extra(`${query}.lora_A.default.weight`)(all);
      },
    });
    await expect(inPlace).rejects.toMatchObject({
      message: expect.stringContaining(`"${query}.weight" is missing`),
      remedy: expect.stringMatching(/The weights hold an adapter\. Merge /),
    });
  });

  test("tensors of an own head, or of further layers, do not make the base model another", async () => {
    const head = await changed(BERT, { tensors: extra("crf.start", "classifier.gamma", "film.beta") });
    expect(head.record.promise.lossless_up_to).toBe(512);
    expect(head.carried).toEqual(["crf.start", "classifier.gamma", "film.beta"]);
    const names = head.shards.flatMap(({ tensors }) => [...tensors.keys()]);
    expect(names).toEqual(expect.arrayContaining(["crf.start", "classifier.gamma", "film.beta"]));
    const further = await changed(BERT, { config: { num_hidden_layers: 1 } });
    expect(further.record.promise.lossless_up_to).toBe(512);
    expect(further.notes.join("\n")).toMatch(/The weights have 2 layers, num_hidden_layers says 1/);
    const unknown = await changed(BERT, { config: { num_hidden_layers: 1, architectures: ["My"] } });
    expect(unknown.record.promise).toMatchObject(NOTHING);
  });

  test("a LayerNorm's gamma and beta are renamed", async () => {
    const norm = "bert.encoder.layer.1.output.LayerNorm";
    const source = await changedCheckpoint(BERT, {
      tensors(all) {
        for (const [old, name] of [
          ["gamma", "weight"],
          ["beta", "bias"],
        ]) {
          all.set(`${norm}.${old}`, (all.get(`${norm}.${old}`) ?? all.get(`${norm}.${name}`)) as ReadTensor);
          all.delete(`${norm}.${name}`);
        }
      },
    });
    const { shards, carried } = await planOf(source);
    expect(shards.flatMap(({ tensors }) => [...tensors.keys()])).toContain(`${norm}.weight`);
    expect(carried).toEqual([]);
  });

  test("a second pooler beside the base model's belongs to a head", async () => {
    const source = await changedCheckpoint(BERT, {
      tensors: extra("pooler.dense.weight", "pooler.dense.bias"),
    });
    const own = await planOf(source);
    expect(own.carried).toEqual(["pooler.dense.weight", "pooler.dense.bias"]);
    const base = await planOf(source, { architecture: "BertModel" });
    expect(base.dropped.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["pooler.dense.weight", "pooler.dense.bias"]),
    );
  });

  test.each([
    ["XLMRobertaForMaskedLM", ROBERTA, "LSGRobertaForMaskedLM"],
    ["CamembertForMaskedLM", ROBERTA, "LSGRobertaForMaskedLM"],
    ["AutoModelForMaskedLM", ROBERTA, "LSGRobertaForMaskedLM"],
    ["RobertaForPreTraining", BERT, "LSGBertForPreTraining"],
    ["ElectraModel", BERT, "LSGBertModel"],
  ])("%s is read by its ending", async (className, source, written) => {
    const { record, config } = await changed(source, { config: { architectures: [className] } });
    expect(record.architecture).toBe(written);
    expect(config.set.architectures ?? [written]).toEqual([written]);
    expect(record.promise.lossless_up_to).toBe(512);
  });
});

describe("a head", () => {
  const isHead = (name: string) =>
    /^(cls|lm_head\.(?!weight$)|classifier|qa_outputs|predictions|vocab_|generator|discriminator|pre_classifier|final_logits)/.test(
      name,
    );

  test.each(
    // Of a .bin no copy can be made here.
    withSafetensors.flatMap(({ modelType, heads, classPrefix }) =>
      Object.keys(heads)
        .filter((key) =>
          /^For(MaskedLM|TokenClassification|NextSentencePrediction|QuestionAnswering)$/.test(key),
        )
        .map((key) => [classPrefix + key, modelType] as const),
    ),
  )("%s of which nothing is there: the base model's", async (className, modelType) => {
    const source = await changedCheckpoint(join(FIXTURES, modelType, "checkpoint"), {
      config: { architectures: [className] },
      tensors(all) {
        for (const name of [...all.keys()].filter(isHead)) all.delete(name);
      },
    });
    const { record, notes } = await planOf(source);
    expect(record.architecture).toMatch(/Model$/);
    expect(record.promise.lossless_up_to).toBeGreaterThan(1);
    expect(notes.join("\n")).toContain(
      `config.json names ${className}, of whose head the weights have nothing`,
    );
    const again = await planOf(source, { architecture: className });
    expect(again.record.promise).toMatchObject({ lossless_up_to: 0 });
    expect(again.record.promise.hidden_states_up_to).toBeGreaterThan(1);
    expect(again.notes.join("\n")).toMatch(/has a new head/);
  });

  test("of which a part is there stays an error", async () => {
    const plan = changed(ROBERTA, { tensors: (all) => all.delete("lm_head.dense.weight") });
    await expect(plan).rejects.toThrow(/"lm_head.dense.weight" is missing/);
  });

  test("of tied weights alone is one", async () => {
    const bart = await changed(join(FIXTURES, "bart", "checkpoint"), {
      tensors(all) {
        for (const name of [...all.keys()].filter(isHead)) all.delete(name);
      },
    });
    expect(bart.record.architecture).toBe("LSGBartForConditionalGeneration");
  });

  test("that is new keeps the base model's promise", async () => {
    const promise = await promiseOf(BERT, { architecture: "BertForSequenceClassification" });
    expect(promise).toEqual({
      ...HIDDEN_STATES,
      why: expect.stringContaining("--architecture BertForSequenceClassification"),
    });
  });
});

test("scaling scores of the global token keeps the promise, and does nothing in a causal model", async () => {
  const { record, config, notes } = await planOf(ROBERTA, { globalScalingLength: "512" });
  expect(record.promise).toEqual({ lossless_up_to: 512, hidden_states_up_to: 512 });
  expect(config.set.global_scaling_length).toBe(512);
  const idle = /--global-scaling-length has no effect/;
  expect(notes.filter((note) => idle.test(note))).toEqual([]);
  const causal = await planOf(ROBERTA, { globalScalingLength: "512", modelKwargs: { is_decoder: true } });
  expect(causal.notes).toEqual(expect.arrayContaining([expect.stringMatching(idle)]));
});

describe("what makes it less is named", () => {
  test.each([
    [{ preset: "reference" }, 0, "--preset reference"],
    [{ firstTokenIsGlobal: false }, 0, "--no-first-token-is-global"],
    [{ maskFirstToken: true }, 0, "--mask-first-token"],
    [{ numGlobalTokens: 4 }, 0, "--num-global-tokens 4"],
    [{ poolWithGlobal: false }, 0, "--no-pool-with-global"],
    [{ modelKwargs: { num_global_tokens: 2 } }, 0, "--num-global-tokens 2"],
    [{ blockSize: 100 }, 200, "--block-size 100"],
    [{ to: "longformer", attentionWindow: "64" }, 33, "--attention-window 64"],
    [{ to: "longformer", preset: "reference" }, 257, "--preset reference"],
    [{ to: "longformer", attentionDilation: "2" }, 1, "--attention-dilation 2"],
  ])("%o", async (given, limit, flag) => {
    const { record, notes } = await planOf(ROBERTA, given);
    const why = expect.stringContaining(`with ${flag} `);
    expect(record.promise).toEqual({ lossless_up_to: limit, hidden_states_up_to: limit, why });
    expect(notes.join("\n")).toMatch(limit > 1 ? /^Lossless: .*; with --/m : /^Not lossless: with --/m);
  });

  test("positions repeat beyond what the source read, not beyond two blocks", async () => {
    const { notes, sideFiles } = await planOf(BERT, { blockSize: 100 });
    expect(notes.join("\n")).toMatch(
      /Beyond 200 tokens attention is local. Beyond 512 tokens positions repeat;/,
    );
    const card = sideFiles.flatMap((file) => (file.kind === "write" ? [file.content] : [])).join("\n");
    expect(card).toContain("Beyond 200 tokens attention is block-sparse, and beyond 512 positions repeat.");
  });

  test("texts that were cut before the model read them", async () => {
    const source = await changedCheckpoint(BERT, {});
    const cuts = async () => {
      const { notes, sideFiles } = await planOf(source);
      const card = sideFiles.find(({ path }) => path === "README.md");
      const found = notes.filter((note) => note.includes("cut texts"));
      for (const note of found) expect(card).toMatchObject({ content: expect.stringContaining(note) });
      return found.join();
    };
    expect(await cuts()).toBe("");
    await writeFile(join(source, "tokenizer_config.json"), '{"model_max_length": 128}');
    expect(await cuts()).toMatch(/model_max_length was 128, at which transformers cut .* 129 to 512 tokens/);
    // sentence-transformers obeys its own key.
    await writeFile(join(source, "sentence_bert_config.json"), '{"max_seq_length": 256}');
    expect(await cuts()).toMatch(
      /max_seq_length was 256, at which sentence-transformers cut .* 257 to 512 tokens/,
    );
    await writeFile(join(source, "sentence_bert_config.json"), '{"max_seq_length": 512}');
    expect(await cuts()).toBe("");
  });
});

describe("an LSG model that is lengthened", () => {
  async function lengthened(given: Given, again: Given) {
    const folder = join(await temporaryFolder(), "lsg");
    await convert(ROBERTA, folder, parseConvertOptions(given));
    return promiseOf(folder, { maxSequenceLength: 8192, ...again });
  }

  test.each([
    ["whose globals are its own tokens", {}, {}, 4096],
    ["the same, and nothing else changed", {}, { resizeLsg: true }, 4096],
    ["and gets other blocks", {}, { blockSize: 64 }, 128],
    ["whose table is read and made anew", { preset: "reference" }, {}, 0],
    ["whose table is read and kept", { preset: "reference" }, { resizeLsg: true }, 4096],
    [
      "of whose table the one row that is read is kept",
      { preset: "reference" },
      { keepFirstGlobalToken: true },
      4096,
    ],
    [
      "of whose table one of two rows is kept",
      { preset: "reference", numGlobalTokens: 2 },
      { keepFirstGlobalToken: true },
      0,
    ],
    ["and reads globals that are new", {}, { numGlobalTokens: 3 }, 0],
  ])("%s", async (_, given, again, limit) => {
    const promise = await lengthened(given, again);
    expect(promise).toMatchObject({ lossless_up_to: limit, hidden_states_up_to: limit });
    expect("why" in promise).toBe(limit < 4096);
  });
});
