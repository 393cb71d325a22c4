import { defineArchitecture, linear, norm, outputLayer } from "../src/architectures/architecture.js";
import bert from "./bert.js";

export default defineArchitecture({
  modelType: "distilbert",
  title: "DistilBERT",
  classPrefix: "DistilBert",
  basePrefix: "distilbert",
  config: {
    ...bert.config,
    types: 0,
    embedding: ["dim", 768],
    hidden: ["dim", 768],
    intermediate: ["hidden_dim", 3072],
    layers: ["n_layers", 6],
    heads: ["n_heads", 12],
    activation: ["activation", "gelu"],
    normEpsilon: 1e-12,
  },
  configAliases: { hidden_size: "hidden", num_hidden_layers: "layers" },
  positions: bert.positions,
  encoder: {
    embeddings: {
      word: "embeddings.word_embeddings",
      position: "embeddings.position_embeddings",
      norm: "embeddings.LayerNorm",
      global: "embeddings.global_embeddings",
      types: { kind: "none" },
    },
    layers: {
      path: "transformer.layer.*",
      norms: "after",
      query: "attention.q_lin",
      key: "attention.k_lin",
      value: "attention.v_lin",
      attentionOutput: "attention.out_lin",
      attentionNorm: "sa_layer_norm",
      intermediate: "ffn.lin1",
      output: "ffn.lin2",
      outputNorm: "output_layer_norm",
    },
  },
  heads: {
    Model: { auto: "Model", outputs: {} },
    ForMaskedLM: {
      auto: "MaskedLM",
      outputs: {
        logits: {
          from: "tokens",
          chain: [
            linear("vocab_transform", "hidden", "hidden"),
            "config",
            norm("vocab_layer_norm", "hidden"),
            outputLayer("vocab_projector", "hidden", "vocab_projector.bias"),
          ],
        },
      },
    },
    ForSequenceClassification: {
      auto: "SequenceClassification",
      outputs: { logits: { from: "first token", chain: classifier("labels") } },
    },
    ForMultipleChoice: {
      auto: "MultipleChoice",
      outputs: { logits: { from: "first token", chain: classifier(1) } },
    },
    ForTokenClassification: bert.heads.ForTokenClassification,
    ForQuestionAnswering: bert.heads.ForQuestionAnswering,
  },
  tokenizerClass: "DistilBertTokenizer",
  longformer: {
    modelType: "longformer",
    keys: { hidden_dropout_prob: "dropout", attention_probs_dropout_prob: "attention_dropout" },
  },
});

function classifier(labels: "labels" | 1) {
  return [
    linear("pre_classifier", "hidden", "hidden"),
    "relu",
    linear("classifier", labels, "hidden"),
  ] as const;
}
