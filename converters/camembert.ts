import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  modelType: "camembert",
  title: "CamemBERT",
  classPrefix: "Camembert",
  basePrefix: "roberta",
  config: { ...roberta.config, vocab: ["vocab_size", 30522] },
  positions: roberta.positions,
  encoder: roberta.encoder,
  pooler: roberta.pooler,
  heads: roberta.heads,
  tokenizerClass: "CamembertTokenizer",
  longformer: { modelType: "longformer" },
});
