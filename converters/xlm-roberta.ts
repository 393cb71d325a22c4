import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  ...roberta,
  modelType: "xlm-roberta",
  title: "XLM-RoBERTa",
  classPrefix: "XLMRoberta",
  config: { ...roberta.config, vocab: ["vocab_size", 30522] },
  tokenizerClass: "XLMRobertaTokenizer",
});
