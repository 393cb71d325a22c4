import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  ...roberta,
  modelType: "roberta-prelayernorm",
  title: "RoBERTa-PreLayerNorm",
  classPrefix: "RobertaPreLayerNorm",
  basePrefix: "roberta_prelayernorm",
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
  longformer: { refused: "its layers are pre-norm, and Longformer's are not" },
});
