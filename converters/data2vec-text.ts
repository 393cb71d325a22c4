import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  modelType: "data2vec-text",
  title: "data2vec-text",
  classPrefix: "Data2VecText",
  basePrefix: "data2vec_text",
  config: { ...roberta.config, vocab: ["vocab_size", 30522] },
  positions: roberta.positions,
  encoder: roberta.encoder,
  pooler: roberta.pooler,
  heads: roberta.heads,
  tokenizerClass: "RobertaTokenizer",
  longformer: { modelType: "longformer" },
});
