import { defineArchitecture, linear, norm, outputLayer } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const languageModel = [
  linear("predictions.dense", "embedding", "hidden"),
  "config",
  norm("predictions.LayerNorm", "embedding"),
  outputLayer("predictions.decoder", "embedding", "predictions.bias"),
] as const;

export default defineArchitecture({
  modelType: "albert",
  title: "ALBERT",
  classPrefix: "Albert",
  basePrefix: "albert",
  config: {
    ...bert.config,
    vocab: ["vocab_size", 30000],
    embedding: ["embedding_size", 128],
    hidden: ["hidden_size", 4096],
    intermediate: ["intermediate_size", 16384],
    heads: ["num_attention_heads", 64],
    activation: ["hidden_act", "gelu_new"],
  },
  positions: bert.positions,
  encoder: {
    embeddings: {
      ...bert.encoder.embeddings,
      projection: { name: "encoder.embedding_hidden_mapping_in", when: "always" },
    },
    layers: {
      path: "encoder.albert_layer_groups.*.albert_layers.*",
      sharing: { kind: "groups", groups: ["num_hidden_groups", 1], perGroup: ["inner_group_num", 1] },
      norms: "after",
      query: "attention.query",
      key: "attention.key",
      value: "attention.value",
      attentionOutput: "attention.dense",
      attentionNorm: "attention.LayerNorm",
      intermediate: "ffn",
      output: "ffn_output",
      outputNorm: "full_layer_layer_norm",
    },
  },
  pooler: [linear("pooler", "hidden", "hidden"), "tanh"],
  heads: {
    Model: { auto: "Model", pooler: true, outputs: {} },
    ForMaskedLM: { auto: "MaskedLM", outputs: { logits: { from: "tokens", chain: languageModel } } },
    ForPreTraining: {
      auto: "PreTraining",
      pooler: true,
      outputs: {
        prediction_logits: { from: "tokens", chain: languageModel },
        sop_logits: { from: "pooler", chain: [linear("sop_classifier.classifier", "labels", "hidden")] },
      },
    },
    ForSequenceClassification: bert.heads.ForSequenceClassification,
    ForMultipleChoice: bert.heads.ForMultipleChoice,
    ForTokenClassification: bert.heads.ForTokenClassification,
    ForQuestionAnswering: bert.heads.ForQuestionAnswering,
  },
  tokenizerClass: "AlbertTokenizer",
  longformer: { refused: "its layers share their weights, and Longformer's do not" },
});
