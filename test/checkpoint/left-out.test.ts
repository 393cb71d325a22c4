import { describe, expect, test } from "vitest";
import { filesForSorting, leftOutSentence, ownWeights, sortFiles } from "../../src/checkpoint/left-out.js";

const MODEL_BYTES = 1000;

/** Files of ten bytes beside a model's config and weights; contents make their own size. */
function source(paths: readonly string[], contents: Readonly<Record<string, string | number>> = {}) {
  const sizes: [string, { size: number }][] = [
    ["config.json", { size: 2 }],
    ["model.safetensors", { size: MODEL_BYTES }],
    ...paths.map((path): [string, { size: number }] => [path, { size: 10 }]),
    ...Object.entries(contents).map(([path, content]): [string, { size: number }] => [
      path,
      { size: typeof content === "number" ? content : content.length },
    ]),
  ];
  const files = new Map(sizes);
  const read = filesForSorting(files).map((path): [string, Buffer] => [
    path,
    Buffer.from(typeof contents[path] === "string" ? contents[path] : "{}"),
  ]);
  return { files, contents: new Map(read) };
}

/** What is left out, by kind. */
function omittedBy(paths: readonly string[], contents?: Readonly<Record<string, string | number>>) {
  const kinds: Record<string, string[]> = {};
  for (const { path, reason } of sortFiles(source(paths, contents)).omitted) {
    kinds[reason] = [...(kinds[reason] ?? []), path];
  }
  return kinds;
}

describe("what is no part of a model", () => {
  test.each<[kind: string, paths: string[]]>([
    [
      "hidden files and caches",
      [
        ".DS_Store",
        ".cache/huggingface/x.lock",
        ".github/workflows/ci.yml",
        ".gitignore",
        "1_Pooling/.DS_Store",
        // Without it no folder is a repository for git, whatever it holds.
        "HEAD",
        "sub/HEAD",
      ],
    ],
    [
      "hidden files and caches",
      ["Thumbs.db", "__pycache__/modeling.cpython-311.pyc", "src/.ipynb_checkpoints/x.py"],
    ],
    [
      "state of a training",
      [
        "Checkpoint-9/config.json",
        "checkpoint-500/config.json",
        "checkpoint-500/model.safetensors",
        "checkpoint-500/tokenizer_config.json",
        "checkpoint-best/optimizer.pt",
        "events.out.tfevents.1",
        "global_step500/mp_rank_00_model_states.pt",
        "latest",
        "lightning_logs/version_0/hparams.yaml",
        "optimizer.pt",
        "optimizer_1.bin",
        "pytorch_model_fsdp.bin",
        "pytorch_model_fsdp_0/__0_0.distcp",
        "random_states_0.pkl",
        "rng_state.pth",
        "rng_state_0.pth",
        "runs/Jan01/events.out.tfevents.1",
        "scheduler.pt",
        "trainer_state.json",
        "training_args.bin",
        "zero_to_fp32.py",
      ],
    ],
    [
      "exports and weights of other libraries",
      [
        "bert.gguf",
        "bert_model.ckpt.data-00000-of-00001",
        "bert_model.ckpt.index",
        "epoch=3.ckpt",
        "flax_model.msgpack",
        "model.onnx",
        "onnx/model.onnx",
        "onnx/tokenizer.json",
        "openvino/openvino_model.xml",
        "openvino_model.bin",
        "rust_model.ot",
        "tf_model.h5",
      ],
    ],
    [
      "tables of data",
      ["data/dev.tsv", "dev.parquet", "test.jsonl", "train.arrow", "train.csv", "train.csv.gz"],
    ],
  ])("%s (%#)", (kind, paths) => {
    expect(omittedBy(paths)).toEqual({ [kind]: paths });
  });

  test("weights as large as a model's are another's, and a folder with them and a config is left out whole", () => {
    const half = MODEL_BYTES / 2;
    expect(
      omittedBy(["teacher/config.json", "teacher/vocab.txt"], {
        "bert-fp16.safetensors": half,
        "teacher/model.safetensors": half,
      }),
    ).toEqual({
      "weights of other models": [
        "bert-fp16.safetensors",
        "teacher/config.json",
        "teacher/model.safetensors",
        "teacher/vocab.txt",
      ],
    });
  });

  test("what is too large for a setting", () => {
    expect(omittedBy([], { "passages.txt": 2 ** 28 + 1 })).toEqual({
      "files too large for settings": ["passages.txt"],
    });
  });
});

describe("what stays", () => {
  test.each([
    [
      "heads in files of their own",
      [
        "classifier.pt",
        "crf.safetensors",
        "heads/topic.pth",
        "model.head.safetensors",
        "model_head.bin",
        "model_head.pkl",
        "ner_head.bin",
        "pytorch_model.crf.bin",
      ],
    ],
    [
      "labels and code",
      ["handler.py", "label2id.json", "labels.txt", "modeling_custom.py", "requirements.txt"],
    ],
    [
      "tokenizer, card, settings",
      [
        ".gitattributes",
        "1_Pooling/.gitattributes",
        "README.md",
        "generation_config.json",
        "tokenizer.json",
        "vocab.txt",
      ],
    ],
    ["a Keras head, arrays", ["centroids.npz", "head.h5", "label_embeddings.npy"]],
    ["names that only look like a training's", ["checkpoint.txt", "events.json/notes.txt", "schedulers.py"]],
  ])("%s", (_, paths) => {
    const { kept, omitted } = sortFiles(source(paths));
    expect(kept).toEqual(["config.json", ...paths].sort());
    expect(omitted).toEqual([]);
  });

  test("modules that modules.json names, with their weights, however large", () => {
    const modules = JSON.stringify([
      { type: "x", path: "" },
      { type: "x", path: "2_Dense" },
      { type: "x", path: "3_Words" },
    ]);
    const { kept } = sortFiles(
      source(["2_Dense/config.json", "3_Words/words.tsv"], {
        "modules.json": modules,
        "2_Dense/model.safetensors": MODEL_BYTES,
      }),
    );
    expect(kept).toEqual([
      "2_Dense/config.json",
      "2_Dense/model.safetensors",
      "3_Words/words.tsv",
      "config.json",
      "modules.json",
    ]);
  });

  test.each([
    ["config.json", '{"label_file": "labels.tsv"}'],
    ["handler.py", 'open(path / "labels.tsv")'],
    ["tokenizer_config.json", '{"vocab_file": "labels.tsv"}'],
  ])("a table that %s names", (path, content) => {
    const { kept, omitted } = sortFiles(source(["labels.tsv", "train.tsv"], { [path]: content }));
    expect(kept).toContain("labels.tsv");
    expect(omitted).toEqual([{ path: "train.tsv", reason: "tables of data" }]);
  });
});

test.each<[what: string, text: string, isNamed: boolean]>([
  ["the name alone", "a.csv", true],
  ["behind a folder", '"data/a.csv"', true],
  ["behind a folder of Windows, in JSON", '"data\\\\a.csv"', true],
  ["at the end of a sentence", "# reads a.csv.", true],
  ["in a path that is put together", 'f"{folder}/a.csv"', true],
  ["a longer name", '"data.csv"', false],
  ["a longer name with a dash", '"b-a.csv"', false],
  ["a longer name with a letter of its own", '"\u00e4a.csv"', false],
  ["a longer ending", '"a.csv.gz"', false],
  ["another ending", '"a.csvx"', false],
  ["a longer name before the name", '"data.csv", "a.csv"', true],
])("a table is named by %s: %s", (_, text, isNamed) => {
  const { kept } = sortFiles(source(["a.csv"], { "handler.py": text }));
  expect(kept.includes("a.csv")).toBe(isNamed);
});

test("a module that is called like an export stays, but for what is hidden or a training's in it", () => {
  const modules = JSON.stringify([
    { type: "x", path: "" },
    { type: "x", path: "onnx" },
  ]);
  const { kept, omitted } = sortFiles(
    source(["onnx/config.json", "onnx/.env", "onnx/optimizer.pt"], { "modules.json": modules }),
  );
  expect(kept).toEqual(["config.json", "modules.json", "onnx/config.json"]);
  expect(omitted).toEqual([
    { path: "onnx/.env", reason: "hidden files and caches" },
    { path: "onnx/optimizer.pt", reason: "state of a training" },
  ]);
});

describe("names that not every system takes", () => {
  const NAMES = "names that not every system takes";

  test.each([
    "CON",
    "nul.txt",
    "COM\u00b9",
    "lpt9.json",
    "aux .txt",
    "sub/prn/x",
    "what?.txt",
    "a:b",
    "a\\b",
    "a\nb",
    "a\0b",
    "trailing ",
    "trailing.",
    "\u00a0.git/config",
    "\u202egit/config",
    "x".repeat(256),
    "\u00fc".repeat(128),
  ])("%j", (path) => {
    expect(omittedBy([path])).toEqual({ [NAMES]: [path] });
  });

  test.each([
    "console.txt",
    "com.json",
    "com10",
    "auxiliary.py",
    "x".repeat(255),
    "a b.txt",
    "\u4e2d\u6587.txt",
  ])("but %j is one that they take", (path) => {
    expect(omittedBy([path])).toEqual({});
  });

  test.each<[paths: string[], left: string[]]>([
    [["Config.json"], ["Config.json"]],
    [["Model.safetensors"], ["Model.safetensors"]],
    [
      ["README.md", "Readme.md", "readme.md"],
      ["Readme.md", "readme.md"],
    ],
    [["Vocab.txt", "vocab.txt"], ["Vocab.txt"]],
    [["con\u200cfig.json"], ["con\u200cfig.json"]],
    [
      ["label", "label/a.txt", "Label/b.txt"],
      ["Label/b.txt", "label/a.txt"],
    ],
  ])("the same name in other letters: of %j", (paths, left) => {
    expect(omittedBy(paths)).toEqual({ [NAMES]: left });
  });
});

test("the weights themselves are neither: by their names in any precision, and what an index names", () => {
  const weight_map = { a: "part-1.safetensors", b: "part-2.safetensors" };
  const paths = [
    "model.fp16-00002-of-00002.safetensors",
    "part-1.safetensors",
    "part-2.safetensors",
    "pytorch_model-00001-of-00002.bin",
  ];
  const variants = { "model.fp16.safetensors": MODEL_BYTES / 2, "model.int4.safetensors": MODEL_BYTES / 8 };
  const files = source(paths, {
    "model.safetensors.index.json": JSON.stringify({ weight_map }),
    ...variants,
  });
  expect(ownWeights(files).sort()).toEqual(
    ["model.safetensors", "model.safetensors.index.json", ...paths, ...Object.keys(variants)].sort(),
  );
  expect(sortFiles(files)).toEqual({ kept: ["config.json"], omitted: [] });
});

describe("the sentence", () => {
  test("names what is left out by kind, a folder of which nothing stays as one", () => {
    const { kept, omitted } = sortFiles(
      source([
        "checkpoint-500/a",
        "checkpoint-500/b/c",
        ".DS_Store",
        "train.csv",
        "data/dev.csv",
        "data/readme.txt",
      ]),
    );
    expect(leftOutSentence(omitted, kept)).toBe(
      "Left out, as no part of the model: hidden files and caches (.DS_Store); state of a training (checkpoint-500/); " +
        "tables of data (data/dev.csv, train.csv).",
    );
  });

  test("counts what is too much to name, and is none where nothing is left out", () => {
    const { kept, omitted } = sortFiles(source(Array.from({ length: 9 }, (_, i) => `part${i}.csv`)));
    expect(leftOutSentence(omitted, kept)).toMatch(/\(part0.csv, .*part5.csv and 3 more\)\.$/);
    expect(leftOutSentence([], kept)).toBeUndefined();
  });
});
