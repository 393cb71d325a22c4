import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  modelType: "xlm-roberta",
  title: "XLM-RoBERTa",
  classPrefix: "XLMRoberta",
  basePrefix: "roberta",
  config: { ...roberta.config, vocab: ["vocab_size", 30522] },
  positions: roberta.positions,
  encoder: roberta.encoder,
  pooler: roberta.pooler,
  heads: roberta.heads,
  tokenizerClass: "XLMRobertaTokenizer",
  longformer: { modelType: "longformer" },
});
