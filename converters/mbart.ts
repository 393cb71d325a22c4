import { defineArchitecture } from "../src/architectures/architecture.js";
import bart from "./bart.js";

export default defineArchitecture({
  ...bart,
  modelType: "mbart",
  title: "mBART",
  classPrefix: "MBart",
  encoder: {
    ...bart.encoder,
    layers: { ...bart.encoder.layers, norms: "before" },
    norm: "encoder.layer_norm",
  },
  decoder: {
    ...bart.decoder!,
    layers: { ...bart.decoder!.layers, norms: "before" },
    norm: "decoder.layer_norm",
    start: "last token",
  },
  tokenizerClass: "MBartTokenizer",
  longformer: { refused: "its layers are pre-norm, and LED's are not" },
});
