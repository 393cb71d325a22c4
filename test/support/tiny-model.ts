import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Dtype } from "../../src/safetensors/dtype.js";
import { tensorBytes } from "../../src/safetensors/header.js";
import { temporaryFolder } from "./fixtures.js";
import { type ReadTensor, writeSafetensors } from "./safetensors.js";

/** A BERT with one layer, width 4, 8 positions and 6 words. */
export const TINY_CONFIG = {
  architectures: ["BertModel"],
  model_type: "bert",
  vocab_size: 6,
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 8,
  max_position_embeddings: 8,
  type_vocab_size: 2,
} as const;

const LAYER = "encoder.layer.0.";

/** Names and shapes of its tensors. */
export const TINY_SHAPES: Readonly<Record<string, readonly number[]>> = {
  "embeddings.word_embeddings.weight": [6, 4],
  "embeddings.position_embeddings.weight": [8, 4],
  "embeddings.token_type_embeddings.weight": [2, 4],
  ...norm("embeddings.LayerNorm", 4),
  ...linear(`${LAYER}attention.self.query`, 4, 4),
  ...linear(`${LAYER}attention.self.key`, 4, 4),
  ...linear(`${LAYER}attention.self.value`, 4, 4),
  ...linear(`${LAYER}attention.output.dense`, 4, 4),
  ...norm(`${LAYER}attention.output.LayerNorm`, 4),
  ...linear(`${LAYER}intermediate.dense`, 8, 4),
  ...linear(`${LAYER}output.dense`, 4, 8),
  ...norm(`${LAYER}output.LayerNorm`, 4),
  ...linear("pooler.dense", 4, 4),
};

export interface TinyModel {
  readonly config?: Readonly<Record<string, unknown>>;
  /** Shapes that differ; undefined removes a tensor. */
  readonly shapes?: Readonly<Record<string, readonly number[] | undefined>>;
  readonly dtype?: Dtype;
  /** Further files by path. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** Tensors that count up, so that no two rows are the same. */
export function tinyTensors({ shapes = {}, dtype = "F32" }: TinyModel = {}): Record<string, ReadTensor> {
  let next = 1;
  const all = Object.entries({ ...TINY_SHAPES, ...shapes }).flatMap(([name, shape]) => {
    if (!shape) return [];
    const bytes = Buffer.alloc(tensorBytes(dtype, shape) ?? 0);
    for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeFloatLE(next++ / 64, at);
    return [[name, { dtype, shape, bytes }] as const];
  });
  return Object.fromEntries(all);
}

/** Writes a tiny BERT into a new folder and returns its path. */
export async function writeTinyModel(model: TinyModel = {}): Promise<string> {
  const folder = join(await temporaryFolder(), "tiny");
  const files: Record<string, string | Buffer> = {
    "config.json": JSON.stringify({ ...TINY_CONFIG, ...model.config }),
    "model.safetensors": writeSafetensors(tinyTensors(model)),
    "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nword\n",
    ...model.files,
  };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

function linear(name: string, out: number, input: number) {
  return { [`${name}.weight`]: [out, input], [`${name}.bias`]: [out] };
}

function norm(name: string, width: number) {
  return { [`${name}.weight`]: [width], [`${name}.bias`]: [width] };
}
