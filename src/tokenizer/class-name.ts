import { fileSpans, parseSpan } from "../json/json-edit.js";
import { TOKENIZER_CLASSES, type TokenizerClass } from "./tokenizer-classes.js";
import { hasTokenizer, type TokenizerFiles } from "./vocabulary.js";

export const SETTINGS = "tokenizer_config.json";

/** What is known of a tokenizer's class. @param defaultClass for files that name none that is known here */
export function tokenizerClassOf(files: TokenizerFiles, defaultClass: string): TokenizerClass {
  const className =
    jsonMembers(files, SETTINGS).get("tokenizer_class") ??
    jsonMembers(files, "config.json").get("tokenizer_class");
  return knownClass(className) ?? knownClass(defaultClass) ?? NOTHING_KNOWN;
}

/** Its tokens are what its files say. */
const NOTHING_KNOWN: TokenizerClass = { files: [] };

/** What transformers 5 calls a tokenizer that is a tokenizer.json alone, and what every version calls it. */
const BACKEND_CLASS = "TokenizersBackend";
const FAST_CLASS = "PreTrainedTokenizerFast";

/** What of a tokenizer's files transformers 4 does not open, and how it would, a sentence each. */
export function onlyInTransformers5(files: TokenizerFiles): string[] {
  const settings = jsonMembers(files, SETTINGS);
  const ways = [
    settings.get("tokenizer_class") === BACKEND_CLASS && `"tokenizer_class": "${FAST_CLASS}"`,
    Array.isArray(settings.get("extra_special_tokens")) &&
      "additional_special_tokens for the key extra_special_tokens",
  ].filter((way) => way !== false);
  if (ways.length === 0) return [];
  return [
    `transformers 5 saved the tokenizer, and transformers 4 does not open it: for both, write ${ways.join(", and ")} ` +
      `into the source's ${SETTINGS} and convert again.`,
  ];
}

/**
 * The class that opens a folder's tokenizer, as every version of transformers knows it: the one that its settings name,
 * else the model type's. Undefined where that one's vocabulary is not there: an ALBERT may have a BERT's.
 * @param paths The folder's files, of which `files` holds contents.
 */
export function openingClass(
  files: TokenizerFiles,
  paths: Pick<ReadonlySet<string>, "has">,
  defaultClass: string,
): string | undefined {
  const name = jsonMembers(files, SETTINGS).get("tokenizer_class");
  if (name === BACKEND_CLASS) return FAST_CLASS;
  if (typeof name === "string" && name !== "") return hasTokenizer(files) ? name : undefined;
  return opensFolder(defaultClass, paths) ? defaultClass : undefined;
}

/** Whether a class finds its vocabulary among a folder's files. */
export function opensFolder(className: string, paths: Pick<ReadonlySet<string>, "has">): boolean {
  const { files, slowOnly } = knownClass(className) ?? NOTHING_KNOWN;
  if (!slowOnly && paths.has("tokenizer.json")) return true;
  return files.length > 0 && files.every((file) => paths.has(file));
}

function knownClass(name: unknown): TokenizerClass | undefined {
  if (typeof name !== "string") return undefined;
  const slow = name.replace(/Fast$/, "");
  return Object.hasOwn(TOKENIZER_CLASSES, slow) ? TOKENIZER_CLASSES[slow] : undefined;
}

/** The members of a JSON file; none where it is not there. */
export function jsonMembers(files: TokenizerFiles, file: string): ReadonlyMap<string, unknown> {
  const json = files.get(file);
  if (!json) return new Map();
  return new Map([...fileSpans(json, file)].map(([key, span]) => [key, parseSpan(json, span)]));
}
