import { defineArchitecture } from "../src/architectures/architecture.js";
import roberta from "./roberta.js";

export default defineArchitecture({
  ...roberta,
  modelType: "camembert",
  title: "CamemBERT",
  classPrefix: "Camembert",
  config: { ...roberta.config, vocab: ["vocab_size", 30522] },
  tokenizerClass: "CamembertTokenizer",
});
