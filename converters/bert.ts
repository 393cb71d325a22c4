import { defineArchitecture, linear, norm, outputLayer } from "../src/architectures/architecture.js";

const languageModel = [
  linear("cls.predictions.transform.dense", "hidden", "hidden"),
  "config",
  norm("cls.predictions.transform.LayerNorm", "hidden"),
  outputLayer("cls.predictions.decoder", "hidden", "cls.predictions.bias"),
] as const;

export default defineArchitecture({
  modelType: "bert",
  title: "BERT",
  classPrefix: "Bert",
  basePrefix: "bert",
  config: {
    vocab: ["vocab_size", 30522],
    positions: ["max_position_embeddings", 512],
    types: ["type_vocab_size", 2],
    embedding: ["hidden_size", 768],
    hidden: ["hidden_size", 768],
    intermediate: ["intermediate_size", 3072],
    layers: ["num_hidden_layers", 12],
    heads: ["num_attention_heads", 12],
    activation: ["hidden_act", "gelu"],
    normEpsilon: ["layer_norm_eps", 1e-12],
    initializerRange: ["initializer_range", 0.02],
  },
  positions: { kind: "table", rowsBefore: 0 },
  encoder: {
    embeddings: {
      word: "embeddings.word_embeddings",
      position: "embeddings.position_embeddings",
      types: { kind: "input", table: "embeddings.token_type_embeddings" },
      norm: "embeddings.LayerNorm",
      global: "embeddings.global_embeddings",
    },
    layers: {
      path: "encoder.layer.*",
      norms: "after",
      query: "attention.self.query",
      key: "attention.self.key",
      value: "attention.self.value",
      attentionOutput: "attention.output.dense",
      attentionNorm: "attention.output.LayerNorm",
      intermediate: "intermediate.dense",
      output: "output.dense",
      outputNorm: "output.LayerNorm",
    },
  },
  pooler: [linear("pooler.dense", "hidden", "hidden"), "tanh"],
  heads: {
    Model: { auto: "Model", pooler: true, outputs: {} },
    ForMaskedLM: { auto: "MaskedLM", outputs: { logits: { from: "tokens", chain: languageModel } } },
    LMHeadModel: {
      auto: "CausalLM",
      outputs: { logits: { from: "tokens", chain: languageModel } },
    },
    ForPreTraining: {
      auto: "PreTraining",
      pooler: true,
      outputs: {
        prediction_logits: { from: "tokens", chain: languageModel },
        seq_relationship_logits: { from: "pooler", chain: [linear("cls.seq_relationship", 2, "hidden")] },
      },
    },
    ForNextSentencePrediction: {
      auto: "NextSentencePrediction",
      pooler: true,
      outputs: { logits: { from: "pooler", chain: [linear("cls.seq_relationship", 2, "hidden")] } },
    },
    ForSequenceClassification: {
      auto: "SequenceClassification",
      pooler: true,
      outputs: { logits: { from: "pooler", chain: [linear("classifier", "labels", "hidden")] } },
    },
    ForMultipleChoice: {
      auto: "MultipleChoice",
      pooler: true,
      outputs: { logits: { from: "pooler", chain: [linear("classifier", 1, "hidden")] } },
    },
    ForTokenClassification: {
      auto: "TokenClassification",
      outputs: { logits: { from: "tokens", chain: [linear("classifier", "labels", "hidden")] } },
    },
    ForQuestionAnswering: {
      auto: "QuestionAnswering",
      outputs: { logits: { from: "tokens", chain: [linear("qa_outputs", "labels", "hidden")] } },
    },
  },
  tokenizerClass: "BertTokenizer",
  longformer: { modelType: "longformer" },
});
