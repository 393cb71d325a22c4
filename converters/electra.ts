import { defineArchitecture, linear, norm, outputLayer } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const languageModel = [
  linear("generator_predictions.dense", "embedding", "hidden"),
  "gelu",
  norm("generator_predictions.LayerNorm", "embedding"),
  outputLayer("generator_lm_head", "embedding", "generator_lm_head.bias"),
] as const;

export default defineArchitecture({
  modelType: "electra",
  title: "ELECTRA",
  classPrefix: "Electra",
  basePrefix: "electra",
  config: {
    ...bert.config,
    embedding: ["embedding_size", 128],
    hidden: ["hidden_size", 256],
    intermediate: ["intermediate_size", 1024],
    heads: ["num_attention_heads", 4],
  },
  positions: bert.positions,
  encoder: {
    ...bert.encoder,
    embeddings: {
      ...bert.encoder.embeddings,
      projection: { name: "embeddings_project", when: "widths differ" },
    },
  },
  heads: {
    Model: { auto: "Model", outputs: {} },
    ForMaskedLM: { auto: "MaskedLM", outputs: { logits: { from: "tokens", chain: languageModel } } },
    ForCausalLM: {
      auto: "CausalLM",
      outputs: { logits: { from: "tokens", chain: languageModel } },
    },
    ForPreTraining: {
      auto: "PreTraining",
      outputs: {
        logits: {
          from: "tokens",
          chain: [
            linear("discriminator_predictions.dense", "hidden", "hidden"),
            "config",
            linear("discriminator_predictions.dense_prediction", 1, "hidden"),
          ],
        },
      },
    },
    ForSequenceClassification: {
      auto: "SequenceClassification",
      outputs: {
        logits: {
          from: "first token",
          chain: [
            linear("classifier.dense", "hidden", "hidden"),
            "gelu",
            linear("classifier.out_proj", "labels", "hidden"),
          ],
        },
      },
    },
    ForMultipleChoice: {
      auto: "MultipleChoice",
      assumes: { summary_type: "first", summary_use_proj: true, summary_activation: "gelu" },
      outputs: {
        logits: {
          from: "first token",
          chain: [
            linear("sequence_summary.summary", "hidden", "hidden"),
            "gelu",
            linear("classifier", 1, "hidden"),
          ],
        },
      },
    },
    ForTokenClassification: bert.heads.ForTokenClassification,
    ForQuestionAnswering: bert.heads.ForQuestionAnswering,
  },
  tokenizerClass: "ElectraTokenizer",
  longformer: { modelType: "longformer" },
});
