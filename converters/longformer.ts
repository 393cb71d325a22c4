import { defineArchitecture } from "../src/architectures/architecture.js";
import bert from "./bert.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  ...bert,
  modelType: "longformer",
  title: "Longformer",
  classPrefix: "Longformer",
  basePrefix: "longformer",
  positions: roberta.positions,
  encoder: {
    embeddings: {
      word: "embeddings.word_embeddings",
      position: "embeddings.position_embeddings",
      tokenType: "embeddings.token_type_embeddings",
      norm: "embeddings.LayerNorm",
      usesTokenTypes: "several",
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
  heads: {
    Model: { auto: "Model", pooler: true, outputs: {} },
    ForMaskedLM: roberta.heads.ForMaskedLM!,
    ForSequenceClassification: { ...roberta.heads.ForSequenceClassification!, globals: "first token" },
    ForMultipleChoice: { ...bert.heads.ForMultipleChoice!, globals: "answers" },
    ForTokenClassification: bert.heads.ForTokenClassification!,
    ForQuestionAnswering: { ...bert.heads.ForQuestionAnswering!, globals: "question" },
  },
  tokenizerClass: "RobertaTokenizer",
  longformer: { modelType: "longformer" },
});
