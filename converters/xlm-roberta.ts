import { defineArchitecture } from "../src/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  ...roberta,
  modelType: "xlm-roberta",
  title: "XLM-RoBERTa",
  classPrefix: "XLMRoberta",
  config: { ...roberta.config, vocab: ["vocab_size", 30522] },
  tokens: {
    ...roberta.tokens,
    sentencepiece: {
      offset: 1,
      fixed: { "<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3 },
      appended: ["<mask>"],
    },
  },
});
