import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededNormal } from "../../src/base/random.js";
import { encodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES } from "../support/fixtures.js";
import { type ReadTensor, writeSafetensors } from "../support/safetensors.js";
import { TINY_CONFIG, TINY_SHAPES } from "../support/tiny-model.js";
import { edit } from "./damage.js";

const BERT = join(FIXTURES, "bert", "checkpoint");
const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"];
const [WORDS, WIDTH, POSITIONS] = [105, 4, 32];

export interface SmallModel {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dtype?: "F32" | "F16" | "BF16";
  /** Further tensors by name, or other shapes; undefined removes one. */
  readonly shapes?: Readonly<Record<string, readonly number[] | undefined>>;
  /** Of the weights. */
  readonly seed?: number;
}

/**
 * Writes a BERT that fills masks: one layer, width 4, 32 positions, the BERT fixture's 105 words and its
 * tokenizer, which says 32 tokens wherever a length can stand. Small, so that a verification takes little.
 */
export function writeSmallBert(folder: string, model: SmallModel = {}): string {
  const { config, dtype = "F32", shapes, seed = 1 } = model;
  mkdirSync(folder, { recursive: true });
  const all = { ...smallShapes(), ...shapes };
  const normal = seededNormal(seed);
  const tensors = Object.entries(all).flatMap(([name, shape]): [string, ReadTensor][] => {
    if (!shape) return [];
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, normal);
    return [[name, { dtype, shape, bytes: encodeFloats(values, dtype) }]];
  });
  const write = (path: string, content: string | Buffer) => writeFileSync(join(folder, path), content);
  write("model.safetensors", writeSafetensors(Object.fromEntries(tensors)));
  write(
    "config.json",
    JSON.stringify(
      {
        ...TINY_CONFIG,
        architectures: ["BertForMaskedLM"],
        ...{ vocab_size: WORDS, max_position_embeddings: POSITIONS, pad_token_id: 3 },
        ...{ hidden_act: "gelu", layer_norm_eps: 1e-12, my_own_key: { nested: [1, 2.5] } },
        ...config,
      },
      null,
      2,
    ),
  );
  for (const file of TOKENIZER_FILES) cpSync(join(BERT, file), join(folder, file));
  const truncation = { direction: "Right", max_length: POSITIONS, strategy: "LongestFirst", stride: 0 };
  edit(folder, "tokenizer.json", (json) => Object.assign(json, { truncation }));
  edit(folder, "tokenizer_config.json", (json) => Object.assign(json, { model_max_length: POSITIONS }));
  write("sentence_bert_config.json", JSON.stringify({ max_seq_length: POSITIONS, do_lower_case: false }));
  return folder;
}

function smallShapes(): Record<string, readonly number[]> {
  const base = Object.entries(TINY_SHAPES).filter(([name]) => !name.startsWith("pooler."));
  return {
    ...Object.fromEntries(base.map(([name, shape]) => [`bert.${name}`, shape])),
    "bert.embeddings.word_embeddings.weight": [WORDS, WIDTH],
    "bert.embeddings.position_embeddings.weight": [POSITIONS, WIDTH],
    "cls.predictions.transform.dense.weight": [WIDTH, WIDTH],
    "cls.predictions.transform.dense.bias": [WIDTH],
    "cls.predictions.transform.LayerNorm.weight": [WIDTH],
    "cls.predictions.transform.LayerNorm.bias": [WIDTH],
    "cls.predictions.bias": [WORDS],
  };
}
