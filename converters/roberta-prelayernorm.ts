import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  modelType: "roberta-prelayernorm",
  title: "RoBERTa-PreLayerNorm",
  classPrefix: "RobertaPreLayerNorm",
  basePrefix: "roberta_prelayernorm",
  config: roberta.config,
  positions: roberta.positions,
  encoder: {
    ...roberta.encoder,
    layers: {
      ...roberta.encoder.layers,
      norms: "before",
      attentionNorm: "attention.LayerNorm",
      outputNorm: "intermediate.LayerNorm",
    },
    norm: "LayerNorm",
  },
  pooler: roberta.pooler,
  heads: roberta.heads,
  tokenizerClass: "RobertaTokenizer",
  longformer: { refused: "its layers are pre-norm, and Longformer's are not" },
});
