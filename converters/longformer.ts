import { defineArchitecture } from "../src/architectures/architecture.js";
import bert from "./bert.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  modelType: "longformer",
  title: "Longformer",
  classPrefix: "Longformer",
  basePrefix: "longformer",
  config: bert.config,
  positions: roberta.positions,
  encoder: {
    embeddings: {
      word: "embeddings.word_embeddings",
      position: "embeddings.position_embeddings",
      types: { kind: "input of several", table: "embeddings.token_type_embeddings" },
      norm: "embeddings.LayerNorm",
    },
    layers: {
      ...bert.encoder.layers,
      global: {
        query: "attention.self.query_global",
        key: "attention.self.key_global",
        value: "attention.self.value_global",
      },
    },
  },
  pooler: bert.pooler,
  heads: {
    Model: { auto: "Model", pooler: true, outputs: {} },
    ForMaskedLM: roberta.heads.ForMaskedLM,
    ForSequenceClassification: { ...roberta.heads.ForSequenceClassification, globals: "first token" },
    ForMultipleChoice: { ...bert.heads.ForMultipleChoice, globals: "answers" },
    ForTokenClassification: bert.heads.ForTokenClassification,
    ForQuestionAnswering: { ...bert.heads.ForQuestionAnswering, globals: "question" },
  },
  tokenizerClass: "RobertaTokenizer",
  longformer: { modelType: "longformer" },
});
