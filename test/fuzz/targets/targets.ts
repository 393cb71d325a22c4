import type { Target } from "../target.js";
import { card, config, index, jobs, onnx, record } from "./folders.js";
import { hub } from "./hub.js";
import { json } from "./json.js";
import { pickle, zip } from "./pickle.js";
import { safetensors } from "./safetensors.js";
import { sentencepiece, tokenizer } from "./tokenizers.js";

/** Every format that lsg reads of strangers. */
export const TARGETS: Readonly<Record<string, Target>> = {
  safetensors,
  pickle,
  zip,
  json,
  sentencepiece,
  tokenizer,
  onnx,
  config,
  index,
  record,
  card,
  jobs,
  hub,
};
