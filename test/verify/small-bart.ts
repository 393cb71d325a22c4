import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededNormal } from "../../src/base/random.js";
import { encodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES } from "../support/fixtures.js";
import { type ReadTensor, writeSafetensors } from "../support/safetensors.js";
import { edit } from "./damage.js";
import type { SmallModel } from "./small-bert.js";
import { type Conversion, converted } from "./support.js";

const BART = join(FIXTURES, "bart", "checkpoint");
const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.json",
  "merges.txt",
  "special_tokens_map.json",
];
const [WORDS, WIDTH, POSITIONS, LABELS] = [130, 8, 32, 3];
const [PAD, BOS, END] = [7, 31, 4];

/** What it has of config.json and of generation_config.json. */
const GENERATION = {
  ...{ bos_token_id: BOS, eos_token_id: END, pad_token_id: PAD },
  ...{ decoder_start_token_id: END, forced_bos_token_id: BOS, forced_eos_token_id: END },
  max_length: POSITIONS,
};

/**
 * Writes a BART: an encoder of one layer and a decoder of two, width 8, 32 positions, the BART fixture's 130 words
 * and its tokenizer. Small, so that a verification takes little. What its class is says the config.
 */
export function writeSmallBart(folder: string, model: SmallModel = {}): string {
  const { config = {}, dtype = "F32", shapes, seed = 1 } = model;
  mkdirSync(folder, { recursive: true });
  const className = String([config.architectures ?? "BartForConditionalGeneration"].flat()[0]);
  const normal = seededNormal(seed);
  const all = { ...smallShapes(className), ...shapes };
  const tensors = Object.entries(all).flatMap(([name, shape]): [string, ReadTensor][] => {
    if (!shape) return [];
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.5 * normal());
    return [[name, { dtype, shape, bytes: encodeFloats(values, dtype) }]];
  });
  const write = (path: string, content: string | Buffer) => writeFileSync(join(folder, path), content);
  write("model.safetensors", writeSafetensors(Object.fromEntries(tensors)));
  const sizes = {
    ...{ vocab_size: WORDS, d_model: WIDTH, max_position_embeddings: POSITIONS },
    ...{ encoder_layers: 1, encoder_ffn_dim: 8, encoder_attention_heads: 2 },
    ...{ decoder_layers: 2, decoder_ffn_dim: 12, decoder_attention_heads: 1 },
  };
  const labels = { id2label: { 0: "no", 1: "perhaps", 2: "yes" }, label2id: { no: 0, perhaps: 1, yes: 2 } };
  const types = { model_type: "bart", is_encoder_decoder: true, scale_embedding: true };
  const whole = { architectures: [className], ...types, ...sizes, ...GENERATION, ...labels, ...config };
  write("config.json", JSON.stringify(whole, null, 2));
  write("generation_config.json", JSON.stringify(GENERATION, null, 2));
  for (const file of TOKENIZER_FILES) cpSync(join(BART, file), join(folder, file));
  edit(folder, "tokenizer_config.json", (json) => Object.assign(json, { model_max_length: POSITIONS }));
  return folder;
}

/** A small model that is converted to 96 tokens, three times what it could read; blocks of 16. */
export function convertedSmallBart(
  model: SmallModel = {},
  given: Readonly<Record<string, unknown>> = {},
): Conversion {
  return converted((folder) => writeSmallBart(folder, model), { maxSequenceLength: 96, ...given });
}

function smallShapes(className: string): Record<string, readonly number[]> {
  const prefix = className === "BartModel" ? "" : "model.";
  const base = {
    "shared.weight": [WORDS, WIDTH],
    ...stack("encoder", 1, 8, ["self_attn"]),
    ...stack("decoder", 2, 12, ["self_attn", "encoder_attn"]),
  };
  return {
    ...Object.fromEntries(Object.entries(base).map(([name, shape]) => [prefix + name, shape])),
    ...(className === "BartForConditionalGeneration" && { final_logits_bias: [1, WORDS] }),
    ...(className === "BartForSequenceClassification" && {
      ...linear("classification_head.dense", WIDTH, WIDTH),
      ...linear("classification_head.out_proj", LABELS, WIDTH),
    }),
  };
}

function stack(name: string, layers: number, wide: number, attentions: readonly string[]) {
  const all: Record<string, readonly number[]> = {
    [`${name}.embed_positions.weight`]: [POSITIONS + 2, WIDTH],
    ...norm(`${name}.layernorm_embedding`),
  };
  for (let i = 0; i < layers; i++) {
    const layer = `${name}.layers.${i}`;
    for (const attention of attentions) {
      for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"])
        Object.assign(all, linear(`${layer}.${attention}.${part}`, WIDTH, WIDTH));
      Object.assign(all, norm(`${layer}.${attention}_layer_norm`));
    }
    Object.assign(all, linear(`${layer}.fc1`, wide, WIDTH), linear(`${layer}.fc2`, WIDTH, wide));
    Object.assign(all, norm(`${layer}.final_layer_norm`));
  }
  return all;
}

function linear(name: string, out: number, input: number) {
  return { [`${name}.weight`]: [out, input], [`${name}.bias`]: [out] };
}

function norm(name: string) {
  return { [`${name}.weight`]: [WIDTH], [`${name}.bias`]: [WIDTH] };
}
