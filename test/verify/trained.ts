import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededNormal } from "../../src/base/random.js";
import { encodeFloats } from "../../src/safetensors/floats.js";
import { type ReadTensor, readSafetensors, writeSafetensors } from "../support/safetensors.js";

export interface Training {
  /** Of transformers: 5 leaves out vocab.txt and special_tokens_map.json, and writes other keys. */
  readonly version: "4.57.6" | "5.23.0";
  /** Whether it wrote into the folder of the conversion. */
  readonly inPlace?: boolean;
  /** Of the Hub, if the model was opened from there: its code is named, and may not be copied. */
  readonly repo?: string;
}

/** Files of a tokenizer that each version of transformers writes. */
const TOKENIZER_FILES = {
  "4.57.6": ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"],
  "5.23.0": ["tokenizer.json", "tokenizer_config.json"],
};

/** What a Trainer leaves beside the model. */
const STATE = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "training_args.bin"];

/**
 * Writes what `Trainer` and `save_pretrained` write after a classifier of three labels was trained from a converted
 * small BERT, file by file as transformers was seen to: config.json sorted and with keys of its own, the Python file,
 * the tokenizer with the truncation of the last texts, a checkpoint, no lsg_conversion.json.
 */
export function train(converted: string, folder: string, { version, inPlace, repo }: Training): string {
  if (inPlace) cpSync(converted, folder, { recursive: true });
  mkdirSync(join(folder, "checkpoint-3"), { recursive: true });
  const config = trainedConfig(converted, version, repo);
  const weights = writeSafetensors(trainedTensors(converted));
  for (const place of [folder, join(folder, "checkpoint-3")]) {
    writeFileSync(join(place, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
    writeFileSync(join(place, "model.safetensors"), weights);
    if (repo === undefined)
      copyFileSync(join(converted, "modeling_lsg_bert.py"), join(place, "modeling_lsg_bert.py"));
    for (const file of TOKENIZER_FILES[version]) copyFileSync(join(converted, file), join(place, file));
    const tokenizer = JSON.parse(readFileSync(join(converted, "tokenizer.json"), "utf8"));
    const truncation = { direction: "Right", max_length: 24, strategy: "LongestFirst", stride: 0 };
    writeFileSync(join(place, "tokenizer.json"), JSON.stringify({ ...tokenizer, truncation }));
  }
  for (const file of STATE) writeFileSync(join(folder, "checkpoint-3", file), "{}");
  writeFileSync(join(folder, "training_args.bin"), "");
  writeFileSync(
    join(folder, "README.md"),
    "---\nlibrary_name: transformers\ntags:\n- generated_from_trainer\nmodel-index:\n- name: trained\n  results: []\n---\n\n# trained\n",
  );
  return folder;
}

function trainedConfig(converted: string, version: Training["version"], repo: string | undefined) {
  const config = JSON.parse(readFileSync(join(converted, "config.json"), "utf8"));
  const { AutoConfig, AutoModel } = config.auto_map;
  const entry = "modeling_lsg_bert.LSGBertForSequenceClassification";
  const map = { ...config.auto_map, AutoConfig, AutoModel, AutoModelForSequenceClassification: entry };
  const trained = {
    ...config,
    ...{ architectures: ["LSGBertForSequenceClassification"], problem_type: "single_label_classification" },
    auto_map: Object.fromEntries(
      Object.entries(map).map(([key, name]) => [key, repo === undefined ? name : `${repo}--${name}`]),
    ),
    ...{ dtype: "float32", transformers_version: version },
    ...{ id2label: { 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" } },
    ...{ label2id: { LABEL_0: 0, LABEL_1: 1, LABEL_2: 2 } },
    ...(version === "5.23.0" && { add_cross_attention: false, bos_token_id: null, eos_token_id: null }),
  };
  return Object.fromEntries(Object.entries(trained).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The base model a step further, with a pooler and a classifier in the place of the head. */
function trainedTensors(converted: string): Record<string, ReadTensor> {
  const normal = seededNormal(9);
  const drawn = (shape: readonly number[]): ReadTensor => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, normal);
    return { dtype: "F32", shape, bytes: encodeFloats(values, "F32") };
  };
  const base = [...readSafetensors(join(converted, "model.safetensors"))].flatMap(([name, tensor]) => {
    if (name.startsWith("cls.")) return [];
    const bytes = Buffer.from(tensor.bytes);
    bytes.writeFloatLE(bytes.readFloatLE(0) + 1e-4, 0);
    return [[name, { ...tensor, bytes }] as const];
  });
  return {
    ...Object.fromEntries(base),
    "bert.pooler.dense.weight": drawn([4, 4]),
    "bert.pooler.dense.bias": drawn([4]),
    "classifier.weight": drawn([3, 4]),
    "classifier.bias": drawn([3]),
  };
}
