import { describe } from "vitest";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { edit, put, remove, replace, set } from "./damage.js";
import { convertedSmallBert, testCrimes, testFileCrimes } from "./support.js";

keepTokenizers();

const OUTPUTS = ["lossless", "lossless-head", "predictions"];

const small = convertedSmallBert({
  config: { id2label: { 0: "no", 1: "yes" }, label2id: { no: 0, yes: 1 }, tie_word_embeddings: true },
});

const setConfig = (key: string, value: unknown) => set("config.json", key, value);

describe("one key of config.json changed, by which the model computes", () => {
  testCrimes(small, {
    "block_size halved": {
      damage: setConfig("block_size", 8),
      fails: ["config", "promise", "lossless", "lossless-head"],
      says: /config\.json: block_size is 8, expected 16/,
    },
    num_global_tokens: {
      damage: setConfig("num_global_tokens", 2),
      fails: ["config", "promise", "lossless", "lossless-head"],
      says: /config\.json: num_global_tokens is 2, expected 1/,
    },
    "first_token_is_global off": {
      damage: setConfig("first_token_is_global", false),
      fails: ["config", "promise", "lossless", "lossless-head"],
      says: /config\.json: first_token_is_global is false, expected true/,
    },
    "pool_with_global off": {
      damage: setConfig("pool_with_global", false),
      fails: ["config", "promise"],
      says: /config\.json: pool_with_global is false, expected true/,
    },
    "block_size beyond any sense": {
      damage: setConfig("block_size", 1e15),
      fails: ["config", "model"],
      says: /config\.json: block_size is 1000000000000000, expected 16/,
    },
    "num_attention_heads that do not divide the width": {
      damage: setConfig("num_attention_heads", 3),
      fails: ["config", "model"],
      says: /config\.json: num_attention_heads is 3, expected 2/,
    },
    vocab_size: {
      damage: setConfig("vocab_size", 60),
      fails: ["config", "load"],
      says: /config\.json: vocab_size is 60, expected 105/,
    },
    hidden_act: {
      damage: setConfig("hidden_act", "relu"),
      fails: ["config", ...OUTPUTS],
      says: /config\.json: hidden_act is "relu", expected "gelu"/,
    },
    "hidden_act unknown": {
      damage: setConfig("hidden_act", "wobble"),
      fails: ["config", "load"],
      says: /config\.json: hidden_act is "wobble", expected "gelu"/,
    },
    layer_norm_eps: {
      damage: setConfig("layer_norm_eps", 1e-5),
      fails: ["config"],
      says: /config\.json: layer_norm_eps is 0\.00001, expected 1e-12/,
    },
    "max_position_embeddings one more": {
      damage: setConfig("max_position_embeddings", 97),
      fails: ["config", "length", "load"],
      says: /config\.json: max_position_embeddings is 97, expected 96/,
    },
    "max_position_embeddings one less": {
      damage: setConfig("max_position_embeddings", 95),
      fails: ["config", "length", "load"],
      says: /config\.json: max_position_embeddings is 95, expected 96/,
    },
    architectures: {
      damage: setConfig("architectures", ["LSGBertModel"]),
      fails: ["config", "promise"],
      says: /config\.json: architectures\.0 is "LSGBertModel", expected "LSGBertForMaskedLM"/,
    },
    "architectures without LSG": {
      damage: setConfig("architectures", ["BertForMaskedLM"]),
      fails: ["config", "promise"],
      says: /config\.json: architectures\.0 is "BertForMaskedLM", expected "LSGBertForMaskedLM"/,
    },
    "model_type of a relative": {
      damage: setConfig("model_type", "electra"),
      fails: ["config", "model"],
      says: /config\.json: model_type is "electra", expected "bert"/,
    },
    tie_word_embeddings: {
      damage: setConfig("tie_word_embeddings", false),
      fails: ["config"],
      says: /config\.json: tie_word_embeddings is false, expected true/,
    },
    num_attention_heads: {
      damage: setConfig("num_attention_heads", 1),
      fails: ["config", ...OUTPUTS],
      says: /config\.json: num_attention_heads is 1, expected 2/,
    },
    hidden_size: {
      damage: setConfig("hidden_size", 8),
      fails: ["config", "load"],
      says: /config\.json: hidden_size is 8, expected 4/,
    },
    num_hidden_layers: {
      damage: setConfig("num_hidden_layers", 2),
      fails: ["config", "load"],
      says: /config\.json: num_hidden_layers is 2, expected 1/,
    },
    is_decoder: {
      damage: setConfig("is_decoder", true),
      fails: ["config", ...OUTPUTS],
      says: /config\.json: is_decoder is true, expected to be absent/,
    },
  });
});

describe("one key of config.json changed", () => {
  testFileCrimes(small, {
    "block_size off by one": {
      damage: setConfig("block_size", 17),
      fails: ["config"],
      says: /config\.json: block_size is 17, expected 16/,
    },
    "sparsity_type, which then needs other sizes": {
      damage: setConfig("sparsity_type", "norm"),
      fails: ["config"],
      says: /config\.json: sparsity_type is "norm", expected "none"/,
    },
    "adaptive, which no graph reads": {
      damage: setConfig("adaptive", false),
      fails: ["config"],
      says: /config\.json: adaptive is false, expected true/,
    },
    "an LSG key of a kind that does not exist": {
      damage: setConfig("sparsity_type", "random"),
      fails: ["config", "model"],
      says: /config\.json: sparsity_type is "random", expected "none"/,
    },
    "a whole number with a fraction, which Python reads as another type": {
      damage: replace("config.json", '"block_size": 16', '"block_size": 16.0'),
      fails: ["config"],
      says: /config\.json: block_size is 16\.0, expected 16/,
    },
    "an LSG key removed": {
      damage: setConfig("block_size", undefined),
      fails: ["config"],
      says: /config\.json: block_size is missing, expected 16/,
    },
    "max_position_embeddings left as it was": {
      damage: setConfig("max_position_embeddings", 32),
      fails: ["config", "length", "load"],
      says: /config\.json: max_position_embeddings is 32, expected 96/,
    },
    pad_token_id: {
      damage: setConfig("pad_token_id", 0),
      fails: ["config"],
      says: /config\.json: pad_token_id is 0, expected 3/,
    },
    "a label's name": {
      damage: setConfig("id2label", { 0: "yes", 1: "no" }),
      fails: ["config"],
      says: /config\.json: id2label\.0 is "yes", expected "no"/,
    },
    "a class of auto_map": {
      damage: (folder) =>
        edit(folder, "config.json", ({ auto_map }) => {
          auto_map.AutoModelForMaskedLM = "modeling_evil.LSGBertForMaskedLM";
        }),
      fails: ["config", "modeling"],
      says: /config\.json: auto_map\.AutoModelForMaskedLM is "modeling_evil\.LSGBertForMaskedLM", expected "modeling_lsg_bert/,
    },
    "what refuses to open it without its code": {
      damage: setConfig("_attn_implementation", "sdpa"),
      fails: ["config", "modeling"],
      where: "modeling",
      says: /_attn_implementation is "sdpa", expected "lsg_needs_trust_remote_code": without trust_remote_code=True/,
    },
    "auto_map removed": {
      damage: setConfig("auto_map", undefined),
      fails: ["config", "modeling"],
      says: /config\.json: auto_map is missing/,
    },
    "model_type unknown": {
      damage: setConfig("model_type", "llama"),
      fails: ["config", "model"],
      says: /config\.json: model_type is "llama", expected "bert"/,
    },
    "an unknown key added": {
      damage: setConfig("rope_scaling", { factor: 2 }),
      fails: ["config"],
      says: /config\.json: rope_scaling is \{"factor":2\}, expected to be absent/,
    },
    "a key called __proto__ added": {
      damage: replace("config.json", "{", '{ "__proto__": {"block_size": 1},'),
      fails: ["config"],
      says: /config\.json: __proto__ is \{"block_size":1\}, expected to be absent/,
    },
    "an unknown key of the original changed deep inside": {
      damage: setConfig("my_own_key", { nested: [1, 2.25] }),
      fails: ["config"],
      says: /config\.json: my_own_key\.nested\.1 is 2\.25, expected 2\.5/,
    },
    "hidden_size a word": {
      damage: setConfig("hidden_size", "four"),
      fails: ["config", "model"],
      says: /config\.json: hidden_size is "four", expected 4/,
    },
    position_embedding_type: {
      damage: setConfig("position_embedding_type", "relative_key"),
      fails: ["config", "model"],
      says: /config\.json: position_embedding_type is "relative_key", expected to be absent/,
    },
  });
});

describe("config.json", () => {
  testFileCrimes(small, {
    missing: { damage: remove("config.json"), fails: ["config", "weights", "model"], says: /config\.json/ },
    "with a byte order mark, which Python refuses": {
      damage: replace("config.json", /^/, "\uFEFF"),
      fails: ["config"],
      says: /config\.json.*byte order mark/,
    },
    "not JSON": {
      damage: replace("config.json", "{", "{{"),
      fails: ["config", "weights", "model"],
      says: /config\.json is not JSON/,
    },
    "a list": {
      damage: put("config.json", "[]"),
      fails: ["config", "weights", "model"],
      says: /config\.json holds \[\], expected a JSON object/,
    },
    empty: { damage: put("config.json", ""), fails: ["config", "weights", "model"], says: /config\.json/ },
  });
});
