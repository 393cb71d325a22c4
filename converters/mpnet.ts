import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

const { ForCausalLM: _, ...heads } = roberta.heads;

export default defineArchitecture({
  modelType: "mpnet",
  title: "MPNet",
  classPrefix: "MPNet",
  basePrefix: "mpnet",
  config: { ...roberta.config, vocab: ["vocab_size", 30527], types: 0 },
  positions: { kind: "table behind padding", padding: 1 },
  encoder: {
    embeddings: { ...roberta.encoder.embeddings, types: { kind: "none" } },
    layers: {
      ...roberta.encoder.layers,
      query: "attention.attn.q",
      key: "attention.attn.k",
      value: "attention.attn.v",
      attentionOutput: "attention.attn.o",
      attentionNorm: "attention.LayerNorm",
    },
    relativeBias: {
      kind: "buckets",
      table: "encoder.relative_attention_bias",
      rows: ["relative_attention_num_buckets", 32],
      buckets: 32,
      maxDistance: 128,
    },
  },
  pooler: roberta.pooler,
  heads,
  tokenizerClass: "MPNetTokenizer",
  longformer: { refused: "its attention has relative biases, and Longformer's does not" },
});
