import { defineArchitecture } from "../src/architectures/architecture.js";
import bart from "./bart.js";

export default defineArchitecture({
  modelType: "led",
  title: "LED",
  classPrefix: "LED",
  basePrefix: "led",
  config: { ...bart.config, positions: ["max_encoder_position_embeddings", 16384] },
  positions: { kind: "table", rowsBefore: 0 },
  encoder: {
    embeddings: {
      word: "shared",
      wordCopy: "encoder.embed_tokens",
      position: "encoder.embed_positions",
      norm: "encoder.layernorm_embedding",
      types: { kind: "none" },
    },
    layers: {
      ...bart.encoder.layers,
      query: "self_attn.longformer_self_attn.query",
      key: "self_attn.longformer_self_attn.key",
      value: "self_attn.longformer_self_attn.value",
      attentionOutput: "self_attn.output",
      global: {
        query: "self_attn.longformer_self_attn.query_global",
        key: "self_attn.longformer_self_attn.key_global",
        value: "self_attn.longformer_self_attn.value_global",
      },
    },
  },
  decoder: {
    ...bart.decoder,
    config: { ...bart.decoder.config, positions: ["max_decoder_position_embeddings", 1024] },
  },
  heads: bart.heads,
  refused: bart.refused,
  tokenizerClass: "LEDTokenizer",
  longformer: { modelType: "led" },
});
