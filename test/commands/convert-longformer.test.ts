import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { summarise } from "../../src/cli/convert.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { asF32, type ReadTensor, readFolder } from "../support/safetensors.js";

const ROBERTA = join(FIXTURES, "roberta", "checkpoint");
const BERT = join(FIXTURES, "bert", "checkpoint");
const BASE_BERT = join(FIXTURES, "bert", "checkpoint-ids");
const DISTILBERT = join(FIXTURES, "distilbert", "checkpoint");
const ERNIE = join(FIXTURES, "ernie", "checkpoint");
const DATA2VEC = join(FIXTURES, "data2vec-text", "checkpoint");
const BERT_GENERATION = join(FIXTURES, "bert-generation", "checkpoint");
const BART = join(FIXTURES, "bart", "checkpoint");
const LONGFORMER = join(FIXTURES, "longformer", "checkpoint");
const LED = join(FIXTURES, "led", "checkpoint");

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, output, parseConvertOptions({ to: "longformer", ...given }));
  const json = (file: string) => JSON.parse(readFileSync(join(output, file), "utf8"));
  return { plan, tensors: readFolder(output), json, config: json("config.json"), output };
}

/** Rows of a matrix. */
function rows(tensor: ReadTensor | undefined, start: number, end = start + 1): number[] {
  if (!tensor) throw new Error("there is no such tensor");
  const width = tensor.shape[1] ?? 1;
  return [...decodeFloats(asF32(tensor), "F32")].slice(start * width, end * width);
}

/** Rounds all tensors to BF16. */
function inBF16(tensors: Map<string, ReadTensor>): void {
  for (const [name, { shape, bytes }] of tensors) {
    tensors.set(name, { dtype: "BF16", shape, bytes: encodeFloats(decodeFloats(bytes, "F32"), "BF16") });
  }
}

/** The names of a layer's tensors in Longformer. */
const layerNames = (layer: string) =>
  [
    ...["query", "key", "value", "query_global", "key_global", "value_global"].map(
      (part) => `attention.self.${part}`,
    ),
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
  ].flatMap((module) => [`${layer}.${module}.weight`, `${layer}.${module}.bias`]);

const BASE_NAMES = [
  "embeddings.word_embeddings.weight",
  "embeddings.position_embeddings.weight",
  "embeddings.token_type_embeddings.weight",
  "embeddings.LayerNorm.weight",
  "embeddings.LayerNorm.bias",
  ...layerNames("encoder.layer.0"),
  ...layerNames("encoder.layer.1"),
];
const POOLER = ["pooler.dense.weight", "pooler.dense.bias"];
const LM_HEAD = ["bias", "dense.weight", "dense.bias", "layer_norm.weight", "layer_norm.bias"];

describe("tensors", () => {
  const prefixed = BASE_NAMES.map((name) => `longformer.${name}`);

  test.each<[string, string, Record<string, unknown>, string[]]>([
    ["RobertaForMaskedLM", ROBERTA, {}, [...prefixed, ...LM_HEAD.map((name) => `lm_head.${name}`)]],
    [
      "BertForMaskedLM",
      BERT,
      { architecture: "BertForMaskedLM" },
      // The fixture repeats its word embeddings for the output layer.
      [...prefixed, ...[...LM_HEAD, "decoder.weight"].map((name) => `lm_head.${name}`)],
    ],
    ["BertModel", BASE_BERT, {}, [...BASE_NAMES, ...POOLER]],
    ["DistilBertForQuestionAnswering", DISTILBERT, {}, [...prefixed, "qa_outputs.weight", "qa_outputs.bias"]],
    [
      "XLMRobertaForTokenClassification",
      join(FIXTURES, "xlm-roberta", "checkpoint"),
      {},
      [...prefixed, "classifier.weight", "classifier.bias"],
    ],
    [
      "CamembertForSequenceClassification",
      join(FIXTURES, "camembert", "checkpoint"),
      {},
      [
        ...prefixed,
        ...["dense", "out_proj"].flatMap((x) => [`classifier.${x}.weight`, `classifier.${x}.bias`]),
      ],
    ],
    ["Data2VecTextForMaskedLM", DATA2VEC, {}, [...prefixed, ...LM_HEAD.map((name) => `lm_head.${name}`)]],
    ["ErnieModel", ERNIE, { architecture: "ErnieModel" }, [...BASE_NAMES, ...POOLER]],
  ])("of %s have Longformer's names, no more and no less", async (name, source, given, names) => {
    const { tensors, config, plan } = await converted(source, given);
    expect([...tensors.keys()].toSorted()).toEqual(names.toSorted());
    expect(config.architectures).toEqual([
      name.replace(/^(Roberta|XLMRoberta|DistilBert|Bert|Camembert|Data2VecText|Ernie)/, "Longformer"),
    ]);
    expect(config.model_type).toBe("longformer");
    expect(plan.notes.join()).not.toMatch(/must be trained/);
  });

  test("keep their bytes, and the projections of global tokens are copies", async () => {
    const { tensors } = await converted(ROBERTA);
    const source = readFolder(ROBERTA);
    for (const [name, { bytes, dtype }] of tensors) {
      if (name.includes("position_embeddings")) continue;
      const own = source.get(name.replace("longformer.", "roberta.").replace("_global", ""));
      expect(own?.dtype, name).toBe(dtype);
      expect(own?.bytes.equals(bytes), name).toBe(true);
    }
    const [query, key] = ["query", "key"].map((part) =>
      tensors.get(`longformer.encoder.layer.1.attention.self.${part}_global.weight`),
    );
    expect(query?.bytes).not.toEqual(key?.bytes);
  });

  test("of DistilBERT are found under their own names, and token types are added that add nothing", async () => {
    const { tensors, config, plan } = await converted(DISTILBERT);
    const source = readFolder(DISTILBERT);
    for (const [to, from] of [
      ["attention.self.value_global.weight", "attention.v_lin.weight"],
      ["attention.output.LayerNorm.bias", "sa_layer_norm.bias"],
      ["intermediate.dense.bias", "ffn.lin1.bias"],
    ]) {
      const expected = source.get(`distilbert.transformer.layer.1.${from}`)?.bytes;
      expect(tensors.get(`longformer.encoder.layer.1.${to}`)?.bytes, to).toEqual(expected);
    }
    const types = tensors.get("longformer.embeddings.token_type_embeddings.weight");
    expect(types?.shape).toEqual([1, 32]);
    expect(types?.bytes.every((byte) => byte === 0)).toBe(true);
    expect(plan.notes.join()).not.toMatch(/must be trained/);
    expect(config).toMatchObject({
      type_vocab_size: 1,
      layer_norm_eps: 1e-12,
      hidden_size: 32,
      num_hidden_layers: 2,
    });
    expect(config).toMatchObject({ intermediate_size: 48, num_attention_heads: 4, hidden_act: "gelu" });
  });

  test("of BERT-generation are those of LongformerModel, whatever its own base class is called", async () => {
    const { tensors, config } = await converted(BERT_GENERATION, { architecture: "BertGenerationEncoder" });
    expect([...tensors.keys()].toSorted()).toEqual([...BASE_NAMES, ...POOLER].toSorted());
    expect(config.architectures).toEqual(["LongformerModel"]);
  });

  test("of ERNIE's token types hold task type 0 as well, in float32", async () => {
    const narrow = await changedCheckpoint(ERNIE, { tensors: inBF16 });
    for (const source of [ERNIE, narrow]) {
      const { tensors, config, plan } = await converted(source, { architecture: "ErnieModel" });
      const own = (table: string) => readFolder(source).get(`ernie.embeddings.${table}_embeddings.weight`);
      const types = tensors.get("embeddings.token_type_embeddings.weight");
      expect(types).toMatchObject({ dtype: "F32", shape: [4, 32] });
      const task = rows(own("task_type"), 0);
      const sums = rows(own("token_type"), 0, 4).map((x, i) => Math.fround(x + (task[i % 32] ?? 0)));
      expect(rows(types, 0, 4)).toEqual(sums);
      expect(config).not.toHaveProperty("use_task_id");
      expect(config).not.toHaveProperty("task_type_vocab_size");
      expect(plan.dropped.map(({ name }) => name)).not.toContain(
        "ernie.embeddings.task_type_embeddings.weight",
      );
    }
  });

  test("of an ERNIE without task types are its own", async () => {
    const source = await changedCheckpoint(ERNIE, {
      config: { use_task_id: false },
      tensors: (tensors) => tensors.delete("ernie.embeddings.task_type_embeddings.weight"),
    });
    const { tensors } = await converted(source, { architecture: "ErnieModel" });
    expect(tensors.get("embeddings.token_type_embeddings.weight")?.bytes).toEqual(
      readFolder(ERNIE).get("ernie.embeddings.token_type_embeddings.weight")?.bytes,
    );
  });

  test("of a head whose class has no place for them are dropped with the reason", async () => {
    const { plan, tensors } = await converted(BERT, { architecture: "BertForMaskedLM" });
    expect(plan.dropped.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["bert.pooler.dense.weight", "cls.seq_relationship.bias"]),
    );
    for (const { reason } of plan.dropped) expect(reason).not.toBe("");
    expect([...tensors.keys()].filter((name) => /pooler|seq_relationship/.test(name))).toEqual([]);
  });

  test("of BERT's pooler and classifier are Longformer's classifier", async () => {
    const classifier = { dtype: "F32", shape: [2, 32], bytes: Buffer.alloc(256, 7) } as const;
    const source = await changedCheckpoint(BERT, {
      config: { architectures: ["BertForSequenceClassification"] },
      tensors: (tensors) => {
        tensors.set("classifier.weight", classifier);
        tensors.set("classifier.bias", { ...classifier, shape: [2], bytes: Buffer.alloc(8, 9) });
      },
    });
    const { tensors, config } = await converted(source);
    const own = readFolder(BERT);
    expect(config.architectures).toEqual(["LongformerForSequenceClassification"]);
    expect(tensors.get("classifier.dense.weight")?.bytes).toEqual(own.get("bert.pooler.dense.weight")?.bytes);
    expect(tensors.get("classifier.dense.bias")?.bytes).toEqual(own.get("bert.pooler.dense.bias")?.bytes);
    expect(tensors.get("classifier.out_proj.weight")?.bytes).toEqual(classifier.bytes);
    expect(tensors.get("classifier.out_proj.bias")?.bytes).toEqual(Buffer.alloc(8, 9));
  });

  test("that belong to no class are carried along", async () => {
    const own = { dtype: "F16", shape: [3], bytes: Buffer.from([1, 2, 3, 4, 5, 6]) } as const;
    const source = await changedCheckpoint(ROBERTA, {
      tensors: (tensors) => tensors.set("my_own_head.projection.weight", own),
    });
    const { tensors } = await converted(source);
    expect(tensors.get("my_own_head.projection.weight")).toMatchObject(own);
  });
});

describe("positions", () => {
  const TABLE = "longformer.embeddings.position_embeddings.weight";

  test("of RoBERTa are repeated behind the rows that it has before them", async () => {
    const { tensors, config } = await converted(ROBERTA, { maxSequenceLength: 1300 });
    const [long, short] = [
      tensors.get(TABLE),
      readFolder(ROBERTA).get("roberta.embeddings.position_embeddings.weight"),
    ];
    expect(long?.shape).toEqual([1302, 32]);
    expect(rows(long, 0, 514)).toEqual(rows(short, 0, 514));
    expect(rows(long, 2 + 512)).toEqual(rows(short, 2));
    expect(rows(long, 1301)).toEqual(rows(short, 2 + (1299 % 512)));
    expect(config.max_position_embeddings).toBe(1302);
  });

  test.each([
    ["BERT", BERT, "bert.", { architecture: "BertForMaskedLM" }, 4],
    ["DistilBERT", DISTILBERT, "distilbert.", {}, 9],
  ])("of %s get pad + 1 rows of zeros before them", async (_, source, prefix, given, offset) => {
    const { tensors, config } = await converted(source, { maxSequenceLength: 600, ...given });
    const [long, short] = [
      tensors.get(TABLE),
      readFolder(source).get(`${prefix}embeddings.position_embeddings.weight`),
    ];
    expect(long?.shape).toEqual([offset + 600, 32]);
    expect(rows(long, 0, offset).every((x) => x === 0)).toBe(true);
    expect(rows(long, offset, offset + 512)).toEqual(rows(short, 0, 512));
    expect(rows(long, offset + 512)).toEqual(rows(short, 0));
    expect(config.max_position_embeddings).toBe(offset + 600);
    expect(config.pad_token_id).toBe(offset - 1);
  });

  test("of a BERT whose config leaves its padding id out begin behind 0, BERT's own", async () => {
    const source = await changedCheckpoint(BASE_BERT, { config: { pad_token_id: undefined } });
    const { tensors, config } = await converted(source);
    expect(config.pad_token_id).toBe(0);
    expect(tensors.get("embeddings.position_embeddings.weight")?.shape).toEqual([4097, 32]);
  });

  test("say what becomes of padding on the left", async () => {
    expect((await converted(BASE_BERT)).plan.notes.join()).toMatch(
      /with padding on the left.*outputs differ/,
    );
    expect((await converted(ROBERTA)).plan.notes.join()).not.toMatch(/left/);
  });
});

describe("the config", () => {
  test.each([
    [{}, [1024, 1024], 512],
    [{ preset: "reference" }, [512, 512], 257],
    [{ attentionWindow: "64" }, [64, 64], 33],
    [{ attentionWindow: "32,64" }, [32, 64], 17],
    [{ attentionWindow: "4096" }, [4096, 4096], 512],
  ])("of options %j has windows %j, lossless up to %i tokens", async (given, windows, lossless) => {
    const { config, plan } = await converted(ROBERTA, given);
    expect(config.attention_window).toEqual(windows);
    expect(config).not.toHaveProperty("attention_dilation");
    expect(plan.record.promise.lossless_up_to).toBe(lossless);
    expect(plan.record).toMatchObject({ variant: "longformer", model_type: "longformer" });
  });

  test("names the tokenizer's separator, behind which questions end", async () => {
    // The fixtures' separators: </s> and <sep>.
    expect((await converted(ROBERTA)).config.sep_token_id).toBe(4);
    expect((await converted(BASE_BERT)).config.sep_token_id).toBe(78);
    const source = await changedCheckpoint(ROBERTA, { config: { sep_token_id: 11 } });
    expect((await converted(source)).config.sep_token_id).toBe(11);
  });

  test.each([
    [ROBERTA, "RobertaTokenizer"],
    [BASE_BERT, "BertTokenizer"],
    [DISTILBERT, "DistilBertTokenizer"],
    [BART, "BartTokenizer"],
  ])("of %s names the source's tokenizer", async (source, tokenizer) => {
    const { config, json } = await converted(source);
    expect(config.tokenizer_class).toBe(tokenizer);
    expect(json("tokenizer_config.json").model_max_length).toBe(4096);
  });

  test("needs no code of ours, and keeps keys that nobody knows", async () => {
    const { config, output } = await converted(ROBERTA);
    expect(config).not.toHaveProperty("auto_map");
    expect(config).not.toHaveProperty("base_model_prefix");
    expect((await readdir(output)).filter((file) => file.endsWith(".py"))).toEqual([]);
    expect(config.my_own_key).toEqual({ nested: [1, 2], null: null, text: "naïve “quotes”" });
  });

  test("of a dilated model says that transformers ignores it", async () => {
    const { config, plan } = await converted(ROBERTA, { attentionDilation: "1,2" });
    expect(config.attention_dilation).toEqual([1, 2]);
    expect(plan.record.promise.lossless_up_to).toBe(1);
    expect(plan.notes.join()).toMatch(/transformers ignores attention_dilation/);
    expect((await converted(ROBERTA, { attentionDilation: "1" })).config).not.toHaveProperty(
      "attention_dilation",
    );
  });

  test("of heads with windows of their own has a list for each layer", async () => {
    const { config, plan, output } = await converted(ROBERTA, { attentionDilation: "1,1:1:2:3" });
    const dilation = [
      [1, 1, 1, 1],
      [1, 1, 2, 3],
    ];
    expect(config.attention_dilation).toEqual(dilation);
    expect(plan.record.options.attention_dilation).toEqual([1, [1, 1, 2, 3]]);
    expect(plan.record.promise.lossless_up_to).toBe(1);
    expect(summarise(output, plan, false)).toMatch(/windows of 1024, dilated by 1:1:1:1,1:1:2:3\n/);
    expect(summarise(output, plan, false)).toMatch(
      /Not lossless: with --attention-dilation .* the outputs differ .* from two tokens on/,
    );
    expect(summarise(output, plan, false)).toMatch(/transformers ignores attention_dilation/);
    expect(readFileSync(join(output, "README.md"), "utf8")).toMatch(
      /\*\*transformers ignores `attention_dilation`/,
    );

    const longer = await converted(output, { maxSequenceLength: 8192 });
    expect(longer.config.attention_dilation, "a Longformer keeps its own").toEqual(dilation);
    expect(longer.plan.record.promise.lossless_up_to).toBe(4096);
    expect((await converted(output, { attentionDilation: "2" })).config.attention_dilation).toEqual([2, 2]);
  });

  test.each<[given: string, written: unknown]>([
    ["2:1:1:1", Array(2).fill([2, 1, 1, 1])],
    ["3:3:3:3,2", [3, 2]],
    ["1:1:1:1", undefined],
  ])("of --attention-dilation %s says no more than it must", async (attentionDilation, written) => {
    expect((await converted(ROBERTA, { attentionDilation })).config.attention_dilation).toEqual(written);
  });
});

describe("BART", () => {
  test("becomes an LED: names, copies and tables", async () => {
    const { tensors, config, plan } = await converted(BART, { maxSequenceLength: 2048 });
    const source = readFolder(BART);
    const own = (name: string) =>
      name
        .replace(/^led\./, "model.")
        .replace(
          /self_attn\.longformer_self_attn\.(query|key|value)(_global)?/,
          (_, part) => `self_attn.${part[0]}_proj`,
        )
        .replace("encoder.layers.0.self_attn.output", "encoder.layers.0.self_attn.out_proj")
        .replace("encoder.layers.1.self_attn.output", "encoder.layers.1.self_attn.out_proj");
    for (const [name, { bytes }] of tensors) {
      if (name.includes("embed_positions")) continue;
      expect(source.get(own(name))?.bytes.equals(bytes), name).toBe(true);
    }
    expect(new Set([...tensors.keys()].map(own))).toEqual(new Set(source.keys()));
    expect([...tensors.keys()].filter((name) => name.includes("_global")).length).toBe(2 * 3 * 2);

    const positions = (stack: string) => tensors.get(`led.${stack}.embed_positions.weight`);
    const ownPositions = (stack: string) => source.get(`model.${stack}.embed_positions.weight`);
    expect(positions("encoder")?.shape).toEqual([2048, 32]);
    expect(rows(positions("encoder"), 0, 512)).toEqual(rows(ownPositions("encoder"), 2, 514));
    expect(rows(positions("encoder"), 1499)).toEqual(rows(ownPositions("encoder"), 2 + (1499 % 512)));
    expect(positions("decoder")?.shape).toEqual([512, 32]);
    expect(rows(positions("decoder"), 0, 512)).toEqual(rows(ownPositions("decoder"), 2, 514));

    expect(config).toMatchObject({
      architectures: ["LEDForConditionalGeneration"],
      model_type: "led",
      attention_window: [1024, 1024],
      max_encoder_position_embeddings: 2048,
      max_decoder_position_embeddings: 512,
      decoder_start_token_id: 4,
      max_length: 142,
    });
    expect(config).not.toHaveProperty("max_position_embeddings");
    expect(config).not.toHaveProperty("sep_token_id");
    expect(plan.record.promise.lossless_up_to).toBe(512);
  });

  test("writes no more than it did: generate()'s limits stay", async () => {
    const source = await changedCheckpoint(BART, { config: { max_length: 512 } });
    const { config, json } = await converted(source, { maxSequenceLength: 2048 });
    expect(json("generation_config.json").max_length).toBe(512);
    expect(config.max_length).toBe(512);
  });

  test("in two shards becomes an LED in two, and the index names every tensor", async () => {
    const { json, tensors, plan } = await converted(BART);
    const { weight_map, metadata } = json("model.safetensors.index.json");
    expect(plan.shards.length).toBe(2);
    expect(new Set(Object.values(weight_map)).size).toBe(2);
    expect(Object.keys(weight_map).toSorted()).toEqual([...tensors.keys()].toSorted());
    const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
    expect(metadata.total_size).toBe(bytes);
  });

  test("as a base model has LED's base names", async () => {
    const { tensors, config } = await converted(join(FIXTURES, "bart", "checkpoint-base"));
    expect(config.architectures).toEqual(["LEDModel"]);
    expect([...tensors.keys()].every((name) => /^(shared|encoder|decoder)\./.test(name))).toBe(true);
  });
});

describe("dtypes", () => {
  test.each([
    ["roberta", "BF16"],
    ["xlm-roberta", "F16"],
    ["bart", "BF16"],
    ["camembert", "F32"],
  ])("of %s stay %s", async (modelType, dtype) => {
    const { tensors } = await converted(join(FIXTURES, modelType, "checkpoint"));
    expect(new Set([...tensors.values()].map((tensor) => tensor.dtype))).toEqual(new Set([dtype]));
  });
});

describe("a new head", () => {
  test.each([
    [ROBERTA, "RobertaForTokenClassification", ["classifier.weight", "classifier.bias"]],
    [
      ROBERTA,
      "RobertaForSequenceClassification",
      ["dense", "out_proj"].flatMap((x) => [`classifier.${x}.weight`, `classifier.${x}.bias`]),
    ],
    // Longformer's head has a layer more than the classifier behind DistilBERT's.
    [
      DISTILBERT,
      "DistilBertForSequenceClassification",
      ["dense", "out_proj"].flatMap((x) => [`classifier.${x}.weight`, `classifier.${x}.bias`]),
    ],
    // It is BERT's pooler that Longformer's head begins with.
    [BERT, "BertForSequenceClassification", ["classifier.out_proj.weight", "classifier.out_proj.bias"]],
  ])("of %s as %s must be trained", async (source, architecture, created) => {
    const { plan, tensors, config } = await converted(source, { architecture });
    expect(config.architectures).toEqual([architecture.replace(/^(Roberta|DistilBert|Bert)/, "Longformer")]);
    const [, named = ""] = /must be trained: ([^ ].*)\.$/m.exec(plan.notes.join("\n")) ?? [];
    expect(named.split(", ").toSorted()).toEqual(created.toSorted());
    for (const name of created) expect(tensors.has(name), name).toBe(true);
  });

  test("is the same for the same seed, and another for another", async () => {
    const head = async (seed: number) => {
      const given = { architecture: "RobertaForTokenClassification", seed };
      return (await converted(ROBERTA, given)).tensors.get("classifier.weight")?.bytes;
    };
    expect(await head(1)).toEqual(await head(1));
    expect(await head(1)).not.toEqual(await head(2));
  });
});

describe("a Longformer", () => {
  test.each([
    ["Longformer", LONGFORMER, "longformer.embeddings.position_embeddings.weight", 4],
    ["LED", LED, "led.encoder.embed_positions.weight", 0],
  ])("becomes a longer %s, all else unchanged, without --to", async (_, source, table, offset) => {
    const { tensors, config, plan } = await converted(source, { to: undefined, maxSequenceLength: 304 });
    const own = readFolder(source);
    expect([...tensors.keys()].toSorted()).toEqual([...own.keys()].toSorted());
    for (const [name, { bytes }] of tensors) {
      if (name !== table) expect(own.get(name)?.bytes.equals(bytes), name).toBe(true);
    }
    expect(tensors.get(table)?.shape).toEqual([offset + 304, 32]);
    expect(rows(tensors.get(table), 0, offset + 128)).toEqual(rows(own.get(table), 0, offset + 128));
    expect(rows(tensors.get(table), offset + 299)).toEqual(rows(own.get(table), offset + (299 % 128)));
    const original = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
    expect(config).toMatchObject({
      ...original,
      ...(offset ? { max_position_embeddings: offset + 304 } : { max_encoder_position_embeddings: 304 }),
    });
    // Its windows are what they were: all that it read it still reads alike.
    expect(plan.record.promise.lossless_up_to).toBe(128);
  });

  test("with other windows is the same where both saw everything", async () => {
    for (const attentionWindow of ["16", "64"]) {
      const { plan, config } = await converted(LONGFORMER, { attentionWindow });
      expect(config.attention_window).toEqual([Number(attentionWindow), Number(attentionWindow)]);
      // The windows of its first layer showed 4 tokens on either side.
      expect(plan.record.promise.lossless_up_to).toBe(5);
    }
  });
});

describe("checkpoints as they are in the wild", () => {
  test("a LED reads whole windows, which transformers pads its inputs to", async () => {
    const { plan, config } = await converted(BART, { maxSequenceLength: 1100, attentionWindow: "64" });
    expect(plan.record.max_sequence_length.to).toBe(1152);
    expect(config.max_encoder_position_embeddings).toBe(1152);
  });

  test("word embeddings that are not tied are copied for both stacks, not drawn", async () => {
    const source = await changedCheckpoint(BART, {
      config: { tie_word_embeddings: false },
      tensors: (tensors) => {
        const { dtype, shape, bytes } = tensors.get("model.shared.weight") as ReadTensor;
        tensors.set("lm_head.weight", { dtype, shape, bytes: Buffer.from(bytes).reverse() });
      },
    });
    const { tensors, plan } = await converted(source);
    const words = tensors.get("led.shared.weight")?.bytes;
    for (const stack of ["encoder", "decoder"]) {
      expect(tensors.get(`led.${stack}.embed_tokens.weight`)?.bytes, stack).toEqual(words);
    }
    expect(plan.notes.join()).not.toMatch(/must be trained/);
  });
});
