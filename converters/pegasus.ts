import { defineArchitecture } from "../src/architectures/architecture.js";
import mbart from "./mbart.js";

export default defineArchitecture({
  modelType: "pegasus",
  title: "Pegasus",
  classPrefix: "Pegasus",
  basePrefix: "model",
  config: mbart.config,
  positions: { kind: "sinusoidal" },
  encoder: {
    ...mbart.encoder,
    embeddings: {
      word: "shared",
      wordCopy: "encoder.embed_tokens",
      scaledWhere: "scale_embedding",
      position: "encoder.embed_positions",
      global: "encoder.global_embeddings",
      types: { kind: "none" },
    },
  },
  decoder: {
    config: mbart.decoder.config,
    embeddings: { wordCopy: "decoder.embed_tokens", position: "decoder.embed_positions" },
    layers: mbart.decoder.layers,
    norm: "decoder.layer_norm",
    ids: { pad: ["pad_token_id", 0], end: ["eos_token_id", 1] },
  },
  heads: {
    Model: mbart.heads.Model,
    ForConditionalGeneration: mbart.heads.ForConditionalGeneration,
  },
  refused: mbart.refused,
  tokenizerClass: "PegasusTokenizer",
  longformer: { refused: "its layers are pre-norm, and LED's are not" },
});
