import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

const { tokenType: _, ...embeddings } = roberta.encoder.embeddings;
const { ForCausalLM: __, ...heads } = roberta.heads;

export default defineArchitecture({
  ...roberta,
  modelType: "mpnet",
  title: "MPNet",
  classPrefix: "MPNet",
  basePrefix: "mpnet",
  config: { ...roberta.config, vocab: ["vocab_size", 30527], types: 0 },
  positions: { offset: 2, configCountsOffset: true, paddingId: 1 },
  encoder: {
    embeddings,
    layers: {
      ...roberta.encoder.layers,
      query: "attention.attn.q",
      key: "attention.attn.k",
      value: "attention.attn.v",
      attentionOutput: "attention.attn.o",
      attentionNorm: "attention.LayerNorm",
    },
    relativeBias: {
      table: "encoder.relative_attention_bias",
      rows: ["relative_attention_num_buckets", 32],
      buckets: 32,
      maxDistance: 128,
    },
  },
  heads,
  tokenizerClass: "MPNetTokenizer",
  longformer: { refused: "its attention has relative biases, and Longformer's does not" },
});
