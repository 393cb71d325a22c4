import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

const { norm: _, ...embeddings } = roberta.encoder.embeddings;

export default defineArchitecture({
  modelType: "xlm-roberta-xl",
  title: "XLM-RoBERTa-XL",
  classPrefix: "XLMRobertaXL",
  basePrefix: "roberta",
  config: {
    ...roberta.config,
    vocab: ["vocab_size", 250880],
    positions: ["max_position_embeddings", 514],
    types: ["type_vocab_size", 1],
    embedding: ["hidden_size", 2560],
    hidden: ["hidden_size", 2560],
    intermediate: ["intermediate_size", 10240],
    layers: ["num_hidden_layers", 36],
    heads: ["num_attention_heads", 32],
    normEpsilon: ["layer_norm_eps", 1e-5],
  },
  positions: roberta.positions,
  encoder: {
    embeddings,
    layers: {
      ...roberta.encoder.layers,
      norms: "before",
      attentionNorm: "attention.self_attn_layer_norm",
      outputNorm: "LayerNorm",
    },
    norm: "encoder.LayerNorm",
  },
  pooler: roberta.pooler,
  heads: roberta.heads,
  tokenizerClass: "XLMRobertaTokenizer",
  longformer: { refused: "its layers are pre-norm, and Longformer's are not" },
});
