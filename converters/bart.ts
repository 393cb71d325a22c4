import { bufferedOutputLayer, defineArchitecture, linear } from "../src/architectures/architecture.js";

const layer = {
  norms: "after",
  query: "self_attn.q_proj",
  key: "self_attn.k_proj",
  value: "self_attn.v_proj",
  attentionOutput: "self_attn.out_proj",
  attentionNorm: "self_attn_layer_norm",
  intermediate: "fc1",
  output: "fc2",
  outputNorm: "final_layer_norm",
} as const;

export default defineArchitecture({
  modelType: "bart",
  title: "BART",
  classPrefix: "Bart",
  basePrefix: "model",
  config: {
    vocab: ["vocab_size", 50265],
    positions: ["max_position_embeddings", 1024],
    types: 0,
    embedding: ["d_model", 1024],
    hidden: ["d_model", 1024],
    intermediate: ["encoder_ffn_dim", 4096],
    layers: ["encoder_layers", 12],
    heads: ["encoder_attention_heads", 16],
    activation: ["activation_function", "gelu"],
    normEpsilon: 1e-5,
    initializerRange: ["init_std", 0.02],
  },
  positions: { kind: "table", rowsBefore: 2 },
  encoder: {
    embeddings: {
      word: "shared",
      wordCopy: "encoder.embed_tokens",
      scaledWhere: "scale_embedding",
      position: "encoder.embed_positions",
      norm: "encoder.layernorm_embedding",
      global: "encoder.global_embeddings",
      types: { kind: "none" },
    },
    layers: { ...layer, path: "encoder.layers.*" },
  },
  decoder: {
    config: {
      layers: ["decoder_layers", 12],
      heads: ["decoder_attention_heads", 16],
      intermediate: ["decoder_ffn_dim", 4096],
    },
    embeddings: {
      wordCopy: "decoder.embed_tokens",
      position: "decoder.embed_positions",
      norm: "decoder.layernorm_embedding",
    },
    layers: {
      ...layer,
      path: "decoder.layers.*",
      cross: {
        query: "encoder_attn.q_proj",
        key: "encoder_attn.k_proj",
        value: "encoder_attn.v_proj",
        attentionOutput: "encoder_attn.out_proj",
        attentionNorm: "encoder_attn_layer_norm",
      },
    },
    ids: { pad: ["pad_token_id", 1], end: ["eos_token_id", 2] },
    start: { kind: "token", id: ["decoder_start_token_id", 2] },
  },
  heads: {
    Model: { auto: "Model", outputs: {} },
    ForConditionalGeneration: {
      auto: "Seq2SeqLM",
      outputs: {
        logits: { from: "tokens", chain: [bufferedOutputLayer("lm_head", "hidden", "final_logits_bias")] },
      },
    },
    ForSequenceClassification: {
      auto: "SequenceClassification",
      outputs: {
        logits: {
          from: "last end",
          chain: [
            linear("classification_head.dense", "hidden", "hidden"),
            "tanh",
            linear("classification_head.out_proj", "labels", "hidden"),
          ],
        },
      },
    },
    ForQuestionAnswering: {
      auto: "QuestionAnswering",
      outputs: { logits: { from: "tokens", chain: [linear("qa_outputs", "labels", "hidden")] } },
    },
  },
  refused: { ForCausalLM: "it is a decoder alone, and it is encoders whose context becomes long" },
  tokenizerClass: "BartTokenizer",
  longformer: { modelType: "led" },
});
