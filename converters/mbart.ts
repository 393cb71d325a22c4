import { defineArchitecture } from "../src/architectures/architecture.js";
import bart from "./bart.js";

export default defineArchitecture({
  modelType: "mbart",
  title: "mBART",
  classPrefix: "MBart",
  basePrefix: "model",
  config: bart.config,
  positions: bart.positions,
  encoder: {
    ...bart.encoder,
    layers: { ...bart.encoder.layers, norms: "before" },
    norm: "encoder.layer_norm",
  },
  decoder: {
    ...bart.decoder,
    layers: { ...bart.decoder.layers, norms: "before" },
    norm: "decoder.layer_norm",
    start: { kind: "last token" },
  },
  heads: bart.heads,
  refused: bart.refused,
  tokenizerClass: "MBartTokenizer",
  longformer: { refused: "its layers are pre-norm, and LED's are not" },
});
