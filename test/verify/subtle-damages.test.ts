import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openSource } from "../../src/checkpoint/open-source.js";
import { type OpenedModel, openModel } from "../../src/model/open.js";
import { readRecord } from "../../src/plan/conversion-record.js";
import type { Check } from "../../src/verify/check.js";
import { checkFolder } from "../../src/verify/folder/checks.js";
import { createRecorder } from "../../src/verify/recorder.js";
import { FIXTURES } from "../support/fixtures.js";
import { readSafetensors } from "../support/safetensors.js";
import { append, type Damage, edit, editTensor, flipBit, put, remove, replace, set } from "./damage.js";
import { convertedSmallBart } from "./small-bart.js";
import { type Conversion, converted, convertedSmallBert, failing } from "./support.js";

const LABELS = {
  id2label: { 0: "against", 1: "neutral", 2: "for" },
  label2id: { against: 0, neutral: 1, for: 2 },
};

const bert = convertedSmallBert({
  config: { tie_word_embeddings: true, torch_dtype: "float32", attention_probs_dropout_prob: 0.0 },
});
const classifier = convertedSmallBert({
  config: {
    ...LABELS,
    architectures: ["BertForSequenceClassification"],
    problem_type: "single_label_classification",
  },
  shapes: {
    "cls.predictions.transform.dense.weight": undefined,
    "cls.predictions.transform.dense.bias": undefined,
    "cls.predictions.transform.LayerNorm.weight": undefined,
    "cls.predictions.transform.LayerNorm.bias": undefined,
    "cls.predictions.bias": undefined,
    "bert.pooler.dense.weight": [4, 4],
    "bert.pooler.dense.bias": [4],
    "classifier.weight": [3, 4],
    "classifier.bias": [3],
  },
});
const bfloat16 = convertedSmallBert({ dtype: "BF16" });
const float16 = convertedSmallBert({ dtype: "F16" });
const sharded = converted(join(FIXTURES, "bert", "checkpoint"), { maxSequenceLength: 528, blockSize: 16 });
const bart = convertedSmallBart();
const embedder = converted(join(FIXTURES, "sentence-transformers", "modern"), { maxSequenceLength: 96 });
const longformer = convertedSmallBert({}, { to: "longformer" });
const roberta = converted(join(FIXTURES, "roberta", "checkpoint"), { maxSequenceLength: 1024 });

const CONFIG = "config.json";
const TOKENIZER = "tokenizer.json";
const TOKENIZER_CONFIG = "tokenizer_config.json";
const RECORD = "lsg_conversion.json";
const WEIGHTS = "model.safetensors";
const MODULE = "modeling_lsg_bert.py";
const WORDS = "bert.embeddings.word_embeddings.weight";

type Damages = Readonly<Record<string, Damage>>;

/** Originals are read once: nothing changes them. */
const originals = new Map<string, Promise<OpenedModel>>();

function originalOf(folder: string): Promise<OpenedModel> {
  const known = originals.get(folder) ?? openSource(folder).then((source) => openModel(source));
  originals.set(folder, known);
  return known;
}

/** The checks that look at a folder's files. */
async function looked(folder: string, against: string): Promise<readonly Check[]> {
  const source = await openSource(folder, { asFound: true });
  const recorder = createRecorder({}, undefined);
  const record = await readRecord(source).catch(() => undefined);
  const original = await originalOf(against);
  await checkFolder({ opened: openModel(source), record, original, signal: undefined }, recorder);
  // What the rest of the verification goes by.
  if (record === undefined) {
    return [{ id: "record", title: "record", verdict: "fail", detail: "unreadable" }, ...recorder.checks];
  }
  return recorder.checks;
}

function damaged({ source, copy }: Conversion, damages: Damages): void {
  test.each(Object.entries(damages))("%s", async (_, damage) => {
    const folder = await copy();
    damage(folder);
    expect(failing(await looked(folder, source))).not.toEqual([]);
  });
}

function sound({ source, copy }: Conversion, changes: Damages): void {
  test.each(Object.entries(changes))("%s", async (_, change) => {
    const folder = await copy();
    change(folder);
    const checks = await looked(folder, source);
    expect(failing(checks), JSON.stringify(checks, null, 1)).toEqual([]);
    expect(checks.filter(({ verdict }) => verdict === "pass").map(({ id }) => id)).toEqual(
      expect.arrayContaining(["plan", "config", "files", "weights", "model", "promise", "length"]),
    );
  });
}

const change =
  // biome-ignore lint/suspicious/noExplicitAny: any file's content
    (file: string, how: (json: any) => unknown): Damage =>
    (folder) =>
      edit(folder, file, how);

const flip =
  (name: string, at: (bytes: number) => number, file?: string): Damage =>
  (folder) =>
    editTensor(
      folder,
      name,
      (bytes) => {
        const place = at(bytes.length);
        bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
      },
      file,
    );

const swapRows =
  (name: string, a: number, b: number): Damage =>
  (folder) =>
    editTensor(folder, name, (bytes, row) => {
      const kept = Buffer.from(bytes.subarray(a * row, (a + 1) * row));
      bytes.copy(bytes, a * row, b * row, (b + 1) * row);
      kept.copy(bytes, b * row);
    });

/** Changes the text of a safetensors header, and its length where that differs. */
const header =
  (how: (text: string) => string, file = WEIGHTS): Damage =>
  (folder) => {
    const bytes = readFileSync(join(folder, file));
    const end = 8 + Number(bytes.readBigUInt64LE(0));
    const old = bytes.toString("utf8", 8, end);
    const text = Buffer.from(how(old));
    if (text.toString() === old) throw new Error("the header is as it was");
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(join(folder, file), Buffer.concat([length, text, bytes.subarray(end)]));
  };

const FIRST = () => 0;
const LAST = (bytes: number) => bytes - 1;

describe("weights", () => {
  damaged(bert, {
    "the lowest bit of the first number": flip(WORDS, FIRST),
    "the lowest bit of the last number": flip("cls.predictions.bias", (bytes) => bytes - 4),
    "a sign": (folder) =>
      editTensor(folder, WORDS, (bytes) => bytes.writeUInt8(bytes.readUInt8(3) ^ 0x80, 3)),
    "zero to minus zero": (folder) => {
      const name = "bert.encoder.layer.0.attention.self.key.bias";
      editTensor(folder, name, (bytes) => bytes.fill(0, 0, 3).writeUInt8(0x80, 3));
    },
    "two rows of words swapped": swapRows(WORDS, 50, 51),
    "two rows of positions swapped": swapRows("bert.embeddings.position_embeddings.weight", 3, 36),
    "two rows of global tokens swapped": swapRows("bert.embeddings.global_embeddings.weight", 0, 1),
    "two heads swapped": swapRows("bert.encoder.layer.0.attention.self.query.weight", 0, 2),
    "a row that padding has": flip(WORDS, () => 3 * 16),
    "two tensors of one shape that changed names": header((text) =>
      text
        .replace("self.query.weight", "self.X.weight")
        .replace("self.key.weight", "self.query.weight")
        .replace("self.X.weight", "self.key.weight"),
    ),
    "a byte behind the end": append(WEIGHTS, " "),
    "a byte less": (folder) =>
      writeFileSync(join(folder, WEIGHTS), readFileSync(join(folder, WEIGHTS)).subarray(0, -1)),
    "a metadata entry more": header((text) =>
      text.replace('"__metadata__":{', '"__metadata__":{"note":"x",'),
    ),
    "a metadata entry with another value": header((text) => text.replace('"format":"pt"', '"format":"tf"')),
    "a tensor named twice": header((text) => {
      const entry = /"cls\.predictions\.bias":\{[^}]*\}/.exec(text)?.[0] ?? "";
      return text.replace(entry, `${entry},${entry}`);
    }),
    "a field of a tensor named twice": header((text) =>
      text.replace(/("cls\.predictions\.bias":\{"dtype":"F32")/, '$1,"dtype":"F32"'),
    ),
    "a key of metadata named twice": header((text) =>
      text.replace('"format":"pt"', '"format":"tf","format":"pt"'),
    ),
    "a size that is written as a float": header((text) => text.replace('"shape":[105]', '"shape":[105.0]')),
    "blanks before the header": header((text) => `  ${text}`),
    "tensors that overlap": header((text) =>
      text.replace(/("cls\.predictions\.bias":\{[^}]*"data_offsets":\[)(\d+)/, (_, a, b) => `${a}${b - 16}`),
    ),
    "other shapes of as many numbers": header((text) => text.replace('"shape":[105,4]', '"shape":[4,105]')),
    "integers that are floats of the same bytes": header((text) =>
      text.replace(/("cls\.predictions\.bias":\{"dtype":")F32/, "$1I32"),
    ),
  });
  damaged(bfloat16, {
    "the lowest bit of a BF16": flip(WORDS, FIRST),
    "the lowest bit of the last BF16": flip("cls.predictions.bias", (bytes) => bytes - 2),
    "BF16 that is called F16": header((text) =>
      text.replace(/("cls\.predictions\.bias":\{"dtype":")BF16/, "$1F16"),
    ),
    "another torch_dtype": set(CONFIG, "torch_dtype", "float16"),
  });
  damaged(float16, {
    "the lowest bit of a F16": flip(WORDS, FIRST),
    "the highest bit of the last F16": (folder) =>
      editTensor(folder, "cls.predictions.bias", (bytes) => {
        const at = LAST(bytes.length);
        bytes.writeUInt8(bytes.readUInt8(at) ^ 0x80, at);
      }),
  });
  const [ONE, TWO, INDEX] = [
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ];
  damaged(sharded, {
    "a bit of the second shard": flipBit(TWO, -4),
    "an index that names a shard out of the folder": change(INDEX, ({ weight_map }) => {
      weight_map[Object.keys(weight_map)[0] as string] = `../x/${ONE}`;
    }),
    "an index without one tensor": change(INDEX, ({ weight_map }) => {
      delete weight_map[Object.keys(weight_map)[0] as string];
    }),
    "an index with a tensor more": change(INDEX, ({ weight_map }) => {
      weight_map["bert.x"] = ONE;
    }),
    "an index that names a tensor twice": replace(INDEX, '"weight_map": {', '"weight_map": {"bert.x": "y",'),
    "another size in the index": change(INDEX, ({ metadata }) => {
      metadata.total_size += 1;
    }),
    "all in one file beside the shards": (folder) => cpSync(join(folder, ONE), join(folder, WEIGHTS)),
    "a shard more": (folder) => cpSync(join(folder, ONE), join(folder, "model-00003-of-00003.safetensors")),
  });
});

describe("config.json", () => {
  const keys: Readonly<Record<string, unknown>> = {
    ...{ block_size: 32, sparse_block_size: 64, sparsity_factor: 4, sparsity_type: "norm" },
    ...{ adaptive: false, mask_first_token: true, pool_with_global: false, num_global_tokens: 2 },
    ...{ first_token_is_global: false, lsh_num_pre_rounds: 2, base_model_prefix: "bert" },
    ...{ layer_norm_eps: 1.1e-12, hidden_act: "gelu_new", hidden_size: 8, intermediate_size: 16 },
    ...{ num_hidden_layers: 2, num_attention_heads: 1, vocab_size: 104, type_vocab_size: 1 },
    ...{ max_position_embeddings: 97, pad_token_id: 4, bos_token_id: 17, eos_token_id: 41 },
    ...{ tie_word_embeddings: false, torch_dtype: "float16", dtype: "float32", is_decoder: true },
    ...{ add_cross_attention: true, pruned_heads: { 0: [1] }, problem_type: "regression", num_labels: 3 },
    ...{ position_embedding_type: "relative_key", model_type: "roberta", use_cache: false },
    ...{ attention_window: 16, hidden_dropout_prob: 0.5, chunk_size_feed_forward: 2, return_dict: false },
    ...{
      output_attentions: true,
      quantization_config: { quant_method: "x" },
      my_own_key: { nested: [1, 2] },
    },
    ...{ _attn_implementation: "eager", attn_implementation: "sdpa", tokenizer_class: "RobertaTokenizer" },
    ...{ architectures: ["LSGBertModel"], "transformers.js_config": { dtype: "q9" }, _name_or_path: "x" },
    ...{ max_length: 20, finetuning_task: "x", prefix: "x", task_specific_params: { x: {} }, new_key: null },
  };
  damaged(bert, {
    ...Object.fromEntries(
      Object.entries(keys).map(([key, value]) => [
        `${key}: ${JSON.stringify(value)}`,
        set(CONFIG, key, value),
      ]),
    ),
    "a key less": set(CONFIG, "my_own_key", undefined),
    "a number as text": set(CONFIG, "block_size", "16"),
    "a number as a float": replace(CONFIG, '"block_size": 16', '"block_size": 16.0'),
    "a float as a number": replace(
      CONFIG,
      '"attention_probs_dropout_prob": 0,',
      '"attention_probs_dropout_prob": false,',
    ),
    "a key named twice, the last as planned": replace(
      CONFIG,
      '"block_size": 16',
      '"block_size": 8, "block_size": 16',
    ),
    "a key named twice, spelled otherwise": replace(
      CONFIG,
      '"block_size": 16',
      '"block_siz\\u0065": 8, "block_size": 16',
    ),
    "a key within named twice": replace(CONFIG, '"nested": [', '"nested": 0, "nested": ['),
    "a key in other letters": replace(CONFIG, '"block_size"', '"Block_size"'),
    "a key that looks the same": replace(CONFIG, '"block_size"', '"bl\u043eck_size"'),
    "a blank behind a key": replace(CONFIG, '"block_size"', '"block_size "'),
    NaN: replace(CONFIG, /"layer_norm_eps": [^,]*/, '"layer_norm_eps": NaN'),
    "a comma at the end": replace(CONFIG, /\n\}\s*$/, ",\n}"),
    "text behind the end": append(CONFIG, "x"),
    "a byte order mark": (folder) =>
      writeFileSync(join(folder, CONFIG), `\uFEFF${readFileSync(join(folder, CONFIG), "utf8")}`),
    "bytes that are no UTF-8": (folder) =>
      writeFileSync(
        join(folder, CONFIG),
        Buffer.from(
          readFileSync(join(folder, CONFIG), "latin1").replace('"my_own_key"', '"my\xff_own_key"'),
          "latin1",
        ),
      ),
    "an object that looks like a number's mark": replace(
      CONFIG,
      /"attention_probs_dropout_prob": 0/,
      '"attention_probs_dropout_prob": {"$float": 0}',
    ),
    __proto__: replace(CONFIG, '"block_size"', '"__proto__": {"block_size": 16}, "block_siz"'),
  });
  damaged(classifier, {
    "a label renamed": change(CONFIG, (config) => (config.id2label[1] = "Neutral")),
    "two labels swapped": change(CONFIG, ({ id2label }) => {
      [id2label[0], id2label[2]] = [id2label[2], id2label[0]];
    }),
    "two ids of labels swapped": change(CONFIG, ({ label2id }) => {
      [label2id.for, label2id.against] = [label2id.against, label2id.for];
    }),
    "both swapped": change(CONFIG, ({ id2label, label2id }) => {
      [id2label[0], id2label[2]] = [id2label[2], id2label[0]];
      [label2id.for, label2id.against] = [label2id.against, label2id.for];
    }),
    "a label more": change(CONFIG, (config) => (config.id2label[3] = "x")),
    "a blank in a label": change(CONFIG, (config) => (config.id2label[1] = "neutral ")),
    "another kind of problem": set(CONFIG, "problem_type", "multi_label_classification"),
    "two rows of the head swapped": swapRows("classifier.weight", 0, 2),
    "two biases of the head swapped": swapRows("classifier.bias", 0, 2),
  });
  damaged(longformer, {
    "a window": change(CONFIG, (config) => (config.attention_window[0] = 32)),
    "windows of another type": change(
      CONFIG,
      (config) => (config.attention_window = config.attention_window[0]),
    ),
    "another separator": set(CONFIG, "sep_token_id", 3),
    "code where none was": set(CONFIG, "auto_map", { AutoModel: "x.X" }),
    "a bit of a global projection": flip(
      "longformer.encoder.layer.0.attention.self.query_global.weight",
      FIRST,
    ),
  });
  damaged(roberta, {
    "the padding by which positions are counted": change(CONFIG, (config) => (config.pad_token_id += 1)),
    "positions without their offset": change(CONFIG, (config) => (config.max_position_embeddings -= 2)),
  });
});

describe("tokenizer", () => {
  damaged(bert, {
    "two ids swapped": change(TOKENIZER, ({ model: { vocab } }) => {
      [vocab.a, vocab.b] = [vocab.b, vocab.a];
    }),
    "a word more": change(TOKENIZER, ({ model: { vocab } }) => {
      vocab.qqq = 104;
    }),
    "a word less": change(TOKENIZER, ({ model: { vocab } }) => delete vocab.a),
    "lower case off": change(TOKENIZER, ({ normalizer }) => (normalizer.lowercase = false)),
    "accents stripped": change(TOKENIZER, ({ normalizer }) => (normalizer.strip_accents = true)),
    "another way to part words": change(TOKENIZER, (json) => (json.pre_tokenizer = { type: "Whitespace" })),
    "another token at the end": change(TOKENIZER, ({ post_processor }) => {
      post_processor.single[2].SpecialToken.id = "[CLS]";
    }),
    "another id at the end": change(TOKENIZER, ({ post_processor }) => {
      post_processor.special_tokens["[SEP]"].ids = [40];
    }),
    "another type of the second text": change(TOKENIZER, ({ post_processor }) => {
      post_processor.pair[3].Sequence.type_id = 0;
    }),
    "cut on the left": change(TOKENIZER, ({ truncation }) => (truncation.direction = "Left")),
    "cut with a stride": change(TOKENIZER, ({ truncation }) => (truncation.stride = 1)),
    "cut one token early": change(TOKENIZER, ({ truncation }) => (truncation.max_length -= 1)),
    "padded to a multiple": change(TOKENIZER, (json) => {
      json.padding = {
        ...{ strategy: "BatchLongest", direction: "Right", pad_to_multiple_of: 8 },
        ...{ pad_id: 3, pad_type_id: 0, pad_token: "[PAD]" },
      };
    }),
    "a token that is special no more": change(
      TOKENIZER,
      ({ added_tokens }) => (added_tokens[0].special = false),
    ),
    "an added token more": change(TOKENIZER, ({ added_tokens }) =>
      added_tokens.push({ ...added_tokens[0], id: 104, content: "<x>" }),
    ),
    "another prefix inside of words": change(
      TOKENIZER,
      ({ model }) => (model.continuing_subword_prefix = "@@"),
    ),
    "another unknown token": change(TOKENIZER, ({ model }) => (model.unk_token = "[MASK]")),
    "another decoder": change(TOKENIZER, ({ decoder }) => (decoder.cleanup = false)),
    "a word named twice": replace(TOKENIZER, /"vocab":\s*\{/, '"vocab": {"a": 1, '),
    "an id as a float": replace(TOKENIZER, /"a":\s*0\b/, '"a": 0.0'),
    "two lines of the vocabulary swapped": replace("vocab.txt", "a\nb\n", "b\na\n"),
    "line ends of the vocabulary": (folder) => {
      const path = join(folder, "vocab.txt");
      writeFileSync(path, readFileSync(path, "utf8").replaceAll("\n", "\r\n"));
    },
    "a line more in the vocabulary": append("vocab.txt", "zzz\n"),
    "no line end at the vocabulary's": (folder) => {
      const path = join(folder, "vocab.txt");
      writeFileSync(path, readFileSync(path, "utf8").trimEnd());
    },
    model_max_length: set(TOKENIZER_CONFIG, "model_max_length", 95),
    "model_max_length without limit": set(TOKENIZER_CONFIG, "model_max_length", 1e30),
    do_lower_case: set(TOKENIZER_CONFIG, "do_lower_case", false),
    padding_side: set(TOKENIZER_CONFIG, "padding_side", "left"),
    truncation_side: set(TOKENIZER_CONFIG, "truncation_side", "left"),
    tokenizer_class: set(TOKENIZER_CONFIG, "tokenizer_class", "BertJapaneseTokenizer"),
    "another padding token": set(TOKENIZER_CONFIG, "pad_token", "[SEP]"),
    "a chat template": set(TOKENIZER_CONFIG, "chat_template", "{{ x }}"),
    "the id of an added token": change(TOKENIZER_CONFIG, ({ added_tokens_decoder: tokens }) => {
      tokens["4"] = tokens["3"];
      delete tokens["3"];
    }),
    special_tokens_map: set("special_tokens_map.json", "mask_token", "[UNK]"),
    "special_tokens_map with a token more": set("special_tokens_map.json", "additional_special_tokens", [
      "a",
    ]),
    "added_tokens.json": put("added_tokens.json", '{"a": 5}'),
    "a template of its own": put("chat_template.jinja", "{{ x }}"),
  });
  damaged(bart, {
    "two merges swapped": (folder) => {
      const lines = readFileSync(join(folder, "merges.txt"), "utf8").split("\n");
      [lines[1], lines[2]] = [lines[2] as string, lines[1] as string];
      writeFileSync(join(folder, "merges.txt"), lines.join("\n"));
    },
    "a merge less in tokenizer.json": change(TOKENIZER, ({ model }) => model.merges.pop()),
    "two ids of vocab.json swapped": change("vocab.json", (vocab) => {
      const [a, b] = Object.keys(vocab) as [string, string];
      [vocab[a], vocab[b]] = [vocab[b], vocab[a]];
    }),
    "the first token that is written": set("generation_config.json", "forced_bos_token_id", 30),
    "the start token": set("generation_config.json", "decoder_start_token_id", 31),
    "the end token": set("generation_config.json", "eos_token_id", 5),
    beams: set("generation_config.json", "num_beams", 4),
    sampling: set("generation_config.json", "do_sample", true),
    "the start token of config.json": set(CONFIG, "decoder_start_token_id", 31),
    "the embeddings' scale": set(CONFIG, "scale_embedding", false),
    "the decoder's global tokens": set(CONFIG, "pass_global_tokens_to_decoder", true),
    "scores of the global token": set(CONFIG, "global_scaling_length", 4096),
    "no generation_config.json": remove("generation_config.json"),
    "a row of the decoder's positions": flip("model.decoder.embed_positions.weight", FIRST),
    "the bias of the logits": flip("model.encoder.layernorm_embedding.bias", FIRST),
  });
});

describe("an embedder's modules", () => {
  const files = () => readdirSync(embedder.folder, { recursive: true }).map(String).sort();
  test("are walked by the tests below", () => {
    expect(files()).toEqual(expect.arrayContaining(["modules.json", "2_Pooling/config.json"]));
  });
  damaged(embedder, {
    "pooling by another token": change("2_Pooling/config.json", (json) => (json.pooling_mode[1] = "cls")),
    "a pooling key more": set("2_Pooling/config.json", "pooling_mode_max_tokens", true),
    "prompts that count": change(
      "2_Pooling/config.json",
      (json) => (json.include_prompt = !json.include_prompt),
    ),
    "two modules swapped": change("modules.json", (modules) => {
      [modules[1], modules[2]] = [modules[2], modules[1]];
    }),
    "no normalisation": change("modules.json", (modules) => modules.pop()),
    "a module of another class": change("modules.json", (modules) => (modules.at(-1).type = "my_module.X")),
    "a prompt": put("config_sentence_transformers.json", '{"prompts": {"query": "x: "}}'),
    "another similarity": (folder) =>
      edit(folder, "config_sentence_transformers.json", (json) => (json.similarity_fn_name = "dot")),
    "a bit of a module's weights": flipBit("5_Dense/model.safetensors", -1),
    "other weights beside a module's": put("5_Dense/pytorch_model.bin", "PK\x03\x04"),
    "a module's activation": set(
      "5_Dense/config.json",
      "activation_function",
      "torch.nn.modules.activation.ReLU",
    ),
    "a transformer in a folder of its own": (folder) => {
      mkdirSync(join(folder, "0_Transformer"));
      for (const file of [CONFIG, WEIGHTS]) cpSync(join(folder, file), join(folder, "0_Transformer", file));
    },
  });
});

describe("files that nobody planned", () => {
  const EXTRA = [
    ...["pytorch_model.bin", "model.bin", "adapter_config.json", "adapter_model.safetensors", "handler.py"],
    ...[
      "model.safetensors.index.json",
      "modeling_other.py",
      "custom_generate/generate.py",
      "weights.safetensors",
    ],
    ...[
      "Model.safetensors",
      "model.fp16.safetensors",
      "onnx/model.onnx.data",
      "onnx/model.onnx_data",
      "model.onnx",
    ],
    ...["openvino/openvino_model.xml", "tf_model.h5", "generation_config.json", "processor_config.json"],
    ...["preprocessor_config.json", "modules.json", "1_Pooling/config.json", "quantize_config.json"],
    ...["sentence_xlnet_config.json", "config.JSON", "configuration_x.py", "__init__.py", "requirements.txt"],
    ...[
      "tokenizer.model",
      "sentencepiece.bpe.model",
      "spiece.model",
      "vocab.json",
      "merges.txt",
      "hubconf.py",
    ],
    ...[
      "config_sentence_transformers.json",
      "README.py",
      "model.safetensors.lnk",
      "torch.py",
      "sitecustomize.py",
    ],
    // Called like what owners put beside a model, and read by loaders all the same.
    ...["LICENSE.py", "NOTICE.json", "additional_chat_templates/LICENSE.jinja", "LICENSE.safetensors"],
  ];
  damaged(bert, Object.fromEntries(EXTRA.map((file) => [file, put(file, "{}")])));
  damaged(bert, {
    "a link for which there may be a file later": (folder) =>
      symlinkSync("later.json", join(folder, "adapter_config.json")),
  });
});

describe("the modelling code", () => {
  damaged(bert, {
    "a blank": replace(MODULE, "import torch", "import  torch"),
    "a line end at its end": append(MODULE, "\n"),
    "a letter of a comment": replace(MODULE, /"""(\w)/, '"""x$1'),
    "line ends": (folder) => {
      const path = join(folder, MODULE);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll("\n", "\r\n"));
    },
    "a byte order mark": (folder) =>
      writeFileSync(join(folder, MODULE), `\uFEFF${readFileSync(join(folder, MODULE), "utf8")}`),
    "a folder in its place": (folder) => {
      rmSync(join(folder, MODULE));
      mkdirSync(join(folder, MODULE));
    },
    "another name": (folder) => renameSync(join(folder, MODULE), join(folder, "modeling_bert.py")),
    "an entry of auto_map": change(
      CONFIG,
      ({ auto_map }) => (auto_map.AutoModel = "modeling_lsg_bert.BertModel"),
    ),
    "an entry less": change(CONFIG, ({ auto_map }) => delete auto_map.AutoModelForMaskedLM),
    "an entry more": change(CONFIG, ({ auto_map }) => (auto_map.AutoModelForCTC = auto_map.AutoModel)),
  });
});

describe("the record", () => {
  const recorded = (how: Parameters<typeof change>[1]) => change(RECORD, how);
  damaged(bert, {
    "a promise raised": recorded((record) =>
      Object.assign(record.promise, { lossless_up_to: 33, hidden_states_up_to: 33 }),
    ),
    "a promise lowered": recorded((record) =>
      Object.assign(record.promise, { lossless_up_to: 31, hidden_states_up_to: 31 }),
    ),
    "a promise of hidden states alone": recorded((record) => (record.promise.lossless_up_to = 0)),
    "a reason that nobody gave": recorded((record) => (record.promise.why = "because")),
    "another length": recorded((record) => (record.max_sequence_length.to = 97)),
    "another length before": recorded((record) => (record.max_sequence_length.from = 31)),
    "another variant": recorded((record) => (record.variant = "longformer")),
    "another class": recorded((record) => (record.architecture = "BertModel")),
    "another model type": recorded((record) => (record.model_type = "roberta")),
    "an option": recorded((record) => (record.options.block_size = 8)),
    "an option of LSG": recorded((record) => (record.options.lsg.block_size = 8)),
    "another preset": recorded((record) => (record.options.preset = "reference")),
    "a key more": recorded((record) => (record.note = "x")),
    "added tokens": recorded((record) => (record.added_tokens = { "<x>": 104 })),
    "attention of the source": recorded((record) => (record.source_attention = { block_size: 8 })),
    "another format": recorded((record) => (record.format_version = 99)),
    "an earlier version": recorded((record) => (record.lsg_version = "0.1.0")),
    "a later version": recorded((record) => (record.lsg_version = "99.0.0")),
    "no version": recorded((record) => delete record.lsg_version),
    "a key named twice": replace(RECORD, '"variant":', '"variant": "longformer", "variant":'),
    "no record's text": put(RECORD, "[]"),
  });
});

describe("what harms nobody", () => {
  const reordered: Damage = (folder) => {
    for (const file of [CONFIG, TOKENIZER, TOKENIZER_CONFIG, RECORD]) {
      const path = join(folder, file);
      const json = JSON.parse(readFileSync(path, "utf8"));
      const spelled = JSON.stringify(Object.fromEntries(Object.entries(json).reverse()), null, 4);
      writeFileSync(path, `${spelled}\n\n`);
    }
  };
  sound(bert, {
    "nothing at all": () => {},
    "the order of keys, and the layout of JSON": reordered,
    "letters that are spelled as escapes": replace(CONFIG, '"block_size"', '"block\\u005fsize"'),
    "a number spelled otherwise": replace(
      CONFIG,
      /"layer_norm_eps": 1e-12/,
      '"layer_norm_eps": 0.000000000001',
    ),
    "an edited card": append("README.md", "\nMore.\n"),
    "no card": remove("README.md"),
    "a licence": put("LICENSE", "Do."),
    "a picture and a page": (folder) => {
      for (const file of ["curve.png", "assets/curve.svg", "notes.md"]) put(file, "x")(folder);
    },
    "attributes for git": put(".gitattributes", "*.safetensors filter=lfs"),
    dates: (folder) => {
      for (const file of readdirSync(folder)) utimesSync(join(folder, file), 1, 1);
    },
    permissions: (folder) => {
      for (const file of readdirSync(folder)) chmodSync(join(folder, file), 0o400);
    },
    "an empty folder": (folder) => mkdirSync(join(folder, "empty")),
    "a header with more room": header((text) => `${text}        `),
  });
  sound(classifier, {
    "labels in another order": change(CONFIG, (config) => {
      config.label2id = Object.fromEntries(Object.entries(config.label2id).reverse());
    }),
  });
  for (const one of [bfloat16, float16, sharded, bart, embedder, longformer, roberta])
    sound(one, { untouched: () => {} });

  test("tensors are as many as the file says", () => {
    expect(readSafetensors(join(bert.folder, WEIGHTS)).size).toBeGreaterThan(20);
  });
});
