import { type Config, parseObject } from "../checkpoint.js";
import { parseModules } from "./modules-json.js";

/** Settings of the whole model: prompts, similarity, ColBERT's lengths. */
export const SETTINGS_FILE = "config_sentence_transformers.json";

/** The class of checkpoints that the ColBERT library wrote; PyLate and others look for the name. */
export const COLBERT_CLASS = "HF_ColBERT";

/** The Python class that a model is made to be opened with; ColBERT is PyLate's. */
const MODEL_KINDS = ["SentenceTransformer", "CrossEncoder", "SparseEncoder", "ColBERT"] as const;
export type ModelKind = (typeof MODEL_KINDS)[number];

interface Library {
  /** The Python module of the class. */
  readonly module: string;
  /** The Hub's name of it. */
  readonly name: string;
  /** The Hub's task, as the library's own model cards have it. @param labels scores that a pair of texts gets */
  readonly task: (labels: number) => string;
  /** The argument without which some versions read no more tokens than the table of positions has. */
  readonly lengthArgument?: string;
}

/** What opens a model of each kind. */
export const LIBRARIES: Readonly<Record<ModelKind, Library>> = {
  SentenceTransformer: {
    module: "sentence_transformers",
    name: "sentence-transformers",
    task: () => "sentence-similarity",
  },
  CrossEncoder: {
    module: "sentence_transformers",
    name: "sentence-transformers",
    task: (labels) => (labels === 1 ? "text-ranking" : "text-classification"),
    lengthArgument: "max_length",
  },
  SparseEncoder: {
    module: "sentence_transformers",
    name: "sentence-transformers",
    task: () => "feature-extraction",
  },
  ColBERT: { module: "pylate.models", name: "PyLate", task: () => "sentence-similarity" },
};

/** The Hub's name of the library that opens a model. @param kind undefined: transformers alone */
export function libraryName(kind: ModelKind | undefined): string {
  return kind === undefined ? "transformers" : LIBRARIES[kind].name;
}

/** Config keys that tell a cross-encoder: sentence-transformers' since version 4, and before. */
const CROSS_ENCODER_KEYS = ["sentence_transformers", "sbert_ce_default_activation_function"];

/**
 * What a model is opened with, where that is not transformers alone.
 * @param files modules.json and SETTINGS_FILE, where they are there
 * @throws CheckpointError if one of them is not JSON.
 */
export function modelKind(
  config: Config,
  files: { readonly modules: Buffer | undefined; readonly settings: Buffer | undefined },
): ModelKind | undefined {
  if (!files.modules) {
    if (isColbertConfig(config)) return "ColBERT";
    return CROSS_ENCODER_KEYS.some((key) => config[key] != null) ? "CrossEncoder" : undefined;
  }
  const settings = files.settings ? parseObject(files.settings, SETTINGS_FILE) : {};
  const named = MODEL_KINDS.find((kind) => kind === settings.model_type);
  if (named) return named;
  const isPylate = parseModules(files.modules).some(({ type }) => type.startsWith("pylate."));
  return isPylate || settings.document_length !== undefined ? "ColBERT" : "SentenceTransformer";
}

/** Whether a config is that of a checkpoint which the ColBERT library wrote. */
export function isColbertConfig({ architectures }: Config): boolean {
  return Array.isArray(architectures) && architectures[0] === COLBERT_CLASS;
}
