import { decoder, defineArchitecture, linear, norm } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const languageModel = [
  linear("lm_head.dense", "hidden", "hidden"),
  "gelu",
  norm("lm_head.layer_norm", "hidden"),
  decoder("lm_head.decoder", "hidden", "lm_head.bias"),
] as const;

export default defineArchitecture({
  ...bert,
  modelType: "roberta",
  title: "RoBERTa",
  classPrefix: "Roberta",
  basePrefix: "roberta",
  config: { ...bert.config, vocab: ["vocab_size", 50265] },
  positions: { offset: "pad_token_id + 1", configCountsOffset: true },
  encoder: {
    ...bert.encoder,
    embeddings: { ...bert.encoder.embeddings, usesTokenTypes: false },
  },
  heads: {
    Model: { auto: "Model", pooler: true, outputs: {} },
    ForMaskedLM: { auto: "MaskedLM", outputs: { logits: { from: "tokens", chain: languageModel } } },
    ForCausalLM: {
      auto: "CausalLM",
      causal: true,
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
    ForMultipleChoice: bert.heads.ForMultipleChoice!,
    ForTokenClassification: bert.heads.ForTokenClassification!,
    ForQuestionAnswering: bert.heads.ForQuestionAnswering!,
  },
  tokenizerClass: "RobertaTokenizer",
});
