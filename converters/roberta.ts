import { defineArchitecture, linear, norm, outputLayer } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const languageModel = [
  linear("lm_head.dense", "hidden", "hidden"),
  "gelu",
  norm("lm_head.layer_norm", "hidden"),
  outputLayer("lm_head.decoder", "hidden", "lm_head.bias"),
] as const;

export default defineArchitecture({
  modelType: "roberta",
  title: "RoBERTa",
  classPrefix: "Roberta",
  basePrefix: "roberta",
  config: { ...bert.config, vocab: ["vocab_size", 50265] },
  positions: { kind: "table behind padding", padding: "pad_token_id" },
  encoder: {
    ...bert.encoder,
    embeddings: {
      ...bert.encoder.embeddings,
      types: { kind: "first row", table: "embeddings.token_type_embeddings" },
    },
  },
  pooler: bert.pooler,
  heads: {
    Model: { auto: "Model", pooler: true, outputs: {} },
    ForMaskedLM: { auto: "MaskedLM", outputs: { logits: { from: "tokens", chain: languageModel } } },
    ForCausalLM: {
      auto: "CausalLM",
      outputs: { logits: { from: "tokens", chain: languageModel } },
    },
    ForSequenceClassification: {
      auto: "SequenceClassification",
      outputs: {
        logits: {
          from: "first token",
          chain: [
            linear("classifier.dense", "hidden", "hidden"),
            "tanh",
            linear("classifier.out_proj", "labels", "hidden"),
          ],
        },
      },
    },
    ForMultipleChoice: bert.heads.ForMultipleChoice,
    ForTokenClassification: bert.heads.ForTokenClassification,
    ForQuestionAnswering: bert.heads.ForQuestionAnswering,
  },
  tokenizerClass: "RobertaTokenizer",
  longformer: { modelType: "longformer" },
});
