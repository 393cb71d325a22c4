import { readdirSync } from "node:fs";
import { CheckpointError } from "../base/errors.js";
import { CONVERTERS } from "../base/package.js";
import type { Architecture } from "./architecture.js";

/** What to say of model types that people ask for and that need no conversion, or cannot have one. */
const OTHER_MODEL_TYPES: Readonly<Record<string, string>> = {
  t5: "T5 has relative positions and no table to tile; it reads any length, at a quadratic cost. Look for LongT5.",
  mt5: "mT5 has relative positions and no table to tile; it reads any length, at a quadratic cost.",
  longt5: "LongT5 reads long inputs already.",
  big_bird: "BigBird reads long inputs already.",
  bigbird_pegasus: "BigBird-Pegasus reads long inputs already.",
  modernbert: "ModernBERT reads 8192 tokens already.",
  deberta: "DeBERTa's attention depends on relative positions; tiling a table does not lengthen it.",
  "deberta-v2": "DeBERTa's attention depends on relative positions; tiling a table does not lengthen it.",
  xlnet: "XLNet has relative positions and no table to tile.",
  barthez: 'BARThez is an mBART: write "model_type": "mbart" into config.json.',
  gpt2: "GPT-2 is a decoder; LSG attention is made for encoders.",
};

/** Every model type that can be converted, sorted. */
export function modelTypes(): string[] {
  return Object.keys(converterFiles()).sort();
}

/** The architecture of each model type. */
export async function allArchitectures(): Promise<Architecture[]> {
  return Promise.all(modelTypes().map((modelType) => findArchitecture(modelType)));
}

/**
 * The architecture of a model type.
 * @param modelType `model_type` of a config.json: input, so it may be anything
 * @throws CheckpointError saying which model types there are, and what to do with a known other one.
 */
export async function findArchitecture(modelType: unknown): Promise<Architecture> {
  // Looked up in a list of files that exist: a model_type that is a path, or `__proto__`, is just unknown.
  const file = entryOf(converterFiles(), modelType);
  if (file === undefined) throw unknownModelType(modelType);
  const module: { default: Architecture } = await import(new URL(file, CONVERTERS).href);
  return module.default;
}

/** File names by model type; compiled ones where the package is built, sources in tests. */
function converterFiles(): Record<string, string> {
  const files = readdirSync(CONVERTERS).filter((name) => /^[a-z0-9_-]+\.(js|ts)$/.test(name));
  return Object.fromEntries(files.map((name) => [name.slice(0, -3), name]));
}

/** A table's own entry; the key is input, and may be anything. */
function entryOf(table: Readonly<Record<string, string>>, key: unknown): string | undefined {
  return typeof key === "string" && Object.hasOwn(table, key) ? table[key] : undefined;
}

function unknownModelType(modelType: unknown): CheckpointError {
  const known = `Model types that can be converted: ${modelTypes().join(", ")}.`;
  if (modelType === undefined) {
    return new CheckpointError("config.json has no model_type", `Add it. ${known}`);
  }
  const other = entryOf(OTHER_MODEL_TYPES, modelType);
  return new CheckpointError(
    `config.json: model_type ${JSON.stringify(modelType)} cannot be converted`,
    other === undefined ? known : `${other} ${known}`,
  );
}
