import { defineArchitecture, linear, norm, untiedOutputLayer } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const languageModel = [
  linear("cls.predictions.dense", "outputEmbedding", "hidden"),
  "config",
  norm("cls.predictions.LayerNorm", "outputEmbedding"),
  untiedOutputLayer("cls.predictions.decoder", "outputEmbedding"),
] as const;

export default defineArchitecture({
  modelType: "rembert",
  title: "RemBERT",
  classPrefix: "RemBert",
  basePrefix: "rembert",
  config: {
    ...bert.config,
    vocab: ["vocab_size", 250300],
    embedding: ["input_embedding_size", 256],
    outputEmbedding: ["output_embedding_size", 1664],
    hidden: ["hidden_size", 1152],
    intermediate: ["intermediate_size", 4608],
    layers: ["num_hidden_layers", 32],
    heads: ["num_attention_heads", 18],
  },
  positions: bert.positions,
  encoder: {
    ...bert.encoder,
    embeddings: {
      ...bert.encoder.embeddings,
      projection: { name: "encoder.embedding_hidden_mapping_in", when: "always" },
    },
  },
  pooler: bert.pooler,
  heads: {
    Model: bert.heads.Model,
    ForMaskedLM: { auto: "MaskedLM", outputs: { logits: { from: "tokens", chain: languageModel } } },
    ForCausalLM: { auto: "CausalLM", outputs: { logits: { from: "tokens", chain: languageModel } } },
    ForSequenceClassification: bert.heads.ForSequenceClassification,
    ForMultipleChoice: bert.heads.ForMultipleChoice,
    ForTokenClassification: bert.heads.ForTokenClassification,
    ForQuestionAnswering: bert.heads.ForQuestionAnswering,
  },
  tokenizerClass: "RemBertTokenizer",
  longformer: { refused: "its embeddings are narrower than its layers, and Longformer's are not" },
});
