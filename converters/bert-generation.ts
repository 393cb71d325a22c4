import { decoder, defineArchitecture } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const { tokenType: _, ...embeddings } = bert.encoder.embeddings;
const { pooler: __, ...unpooled } = bert;

export default defineArchitecture({
  ...unpooled,
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
  encoder: { ...bert.encoder, embeddings: { ...embeddings, usesTokenTypes: false } },
  heads: {
    Model: { auto: "Model", outputs: {} },
    Decoder: {
      auto: "CausalLM",
      causal: true,
      outputs: {
        logits: { from: "tokens", chain: [decoder("lm_head.decoder", "hidden", "lm_head.bias")] },
      },
    },
  },
  tokenizerClass: "BertGenerationTokenizer",
});
