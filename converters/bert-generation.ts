import { defineArchitecture, outputLayer } from "../src/architectures/architecture.js";
import bert from "./bert.js";

export default defineArchitecture({
  modelType: "bert-generation",
  title: "BERT-generation",
  classPrefix: "BertGeneration",
  baseClass: "Encoder",
  basePrefix: "bert",
  config: {
    ...bert.config,
    vocab: ["vocab_size", 50358],
    types: 0,
    embedding: ["hidden_size", 1024],
    hidden: ["hidden_size", 1024],
    intermediate: ["intermediate_size", 4096],
    layers: ["num_hidden_layers", 24],
    heads: ["num_attention_heads", 16],
  },
  positions: bert.positions,
  encoder: { ...bert.encoder, embeddings: { ...bert.encoder.embeddings, types: { kind: "none" } } },
  heads: {
    Model: { auto: "Model", outputs: {} },
    Decoder: {
      auto: "CausalLM",
      outputs: {
        logits: { from: "tokens", chain: [outputLayer("lm_head.decoder", "hidden", "lm_head.bias")] },
      },
    },
  },
  tokenizerClass: "BertGenerationTokenizer",
  longformer: { modelType: "longformer" },
});
