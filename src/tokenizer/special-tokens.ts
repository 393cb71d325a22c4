import { CheckpointError } from "../base/errors.js";
import { isRecord } from "../json/json-edit.js";
import { jsonMembers, SETTINGS, tokenizerClassOf } from "./class-name.js";
import type { TokenizerClass } from "./tokenizer-classes.js";
import { findTokens, type SpecialToken, type TokenizerFiles, VOCABULARY_FILES } from "./vocabulary.js";

/** What the rows of the global table start from; undefined where no file gives an id. */
export interface SpecialTokens {
  readonly bos: SpecialToken | undefined;
  readonly mask: SpecialToken | undefined;
  /** What stands between two texts. */
  readonly separator: SpecialToken | undefined;
  /** The tokens that the files themselves name, with an id or without. */
  readonly named: { readonly bos: string | undefined; readonly mask: string | undefined };
}

/** The files that tell of special tokens; others need not be read. */
export const TOKENIZER_FILES = ["config.json", "special_tokens_map.json", ...VOCABULARY_FILES];

const TOKEN_KINDS = ["bos", "cls", "mask", "sep"] as const;
type TokenKind = (typeof TOKEN_KINDS)[number] | "eos";

/**
 * The tokenizer's bos token, else its cls token (lsg-converter's rule), and its mask token, as `AutoTokenizer`
 * of transformers has them (4.40 and 5 agree). A token that the files name but do not number counts as
 * missing: transformers would give it a row behind the last one of the word embeddings.
 *
 * @param files The tokenizer's files, and config.json for its `tokenizer_class`.
 * @param defaultClass The model type's tokenizer class, for files that name none that is known here.
 * @throws CheckpointError if a file is damaged.
 */
export function findSpecialTokens(files: TokenizerFiles, defaultClass: string): SpecialTokens {
  const tokenizerClass = tokenizerClassOf(files, defaultClass);
  const nameOf = tokenNames(files, tokenizerClass);
  const bos = [nameOf("bos"), nameOf("cls")].filter((token) => token !== undefined);
  const mask = [nameOf("mask")].filter((token) => token !== undefined);
  const separator = [nameOf("sep")].filter((token) => token !== undefined);
  const found = findTokens([...bos, ...mask, ...separator], files, tokenizerClass);
  const first = (tokens: readonly string[]) =>
    tokens.map((token) => found.get(token)).find((token) => token !== undefined);
  const inFiles = tokenNames(files);
  return {
    bos: first(bos),
    mask: first(mask),
    separator: first(separator),
    named: { bos: inFiles("bos") ?? inFiles("cls"), mask: inFiles("mask") },
  };
}

/** One special token, as `findSpecialTokens` finds it. @throws CheckpointError if a file is damaged */
export function findSpecialToken(
  kind: TokenKind,
  files: TokenizerFiles,
  defaultClass: string,
): SpecialToken | undefined {
  const tokenizerClass = tokenizerClassOf(files, defaultClass);
  const name = tokenNames(files, tokenizerClass)(kind);
  return name === undefined ? undefined : findTokens([name], files, tokenizerClass).get(name);
}

/** Special tokens that the files or the class name and no file numbers: transformers appends them when it loads. */
export function unnumberedTokens(files: TokenizerFiles, defaultClass: string): string[] {
  const tokenizerClass = tokenizerClassOf(files, defaultClass);
  const nameOf = tokenNames(files, tokenizerClass);
  const named = TOKEN_KINDS.map(nameOf).filter((token) => token !== undefined);
  const found = findTokens(named, files, tokenizerClass);
  return named.filter((token) => !found.has(token));
}

function tokenNames(files: TokenizerFiles, tokenizerClass?: TokenizerClass) {
  const config = jsonMembers(files, SETTINGS);
  // With added_tokens_decoder the config is complete, and the older file is not read any more.
  const legacy = config.has("added_tokens_decoder")
    ? new Map<string, unknown>()
    : jsonMembers(files, "special_tokens_map.json");
  return (kind: TokenKind): string | undefined => {
    const key = `${kind}_token`;
    if (legacy.has(key)) return tokenText(legacy.get(key), key, "special_tokens_map.json");
    if (config.has(key)) return tokenText(config.get(key), key, "tokenizer_config.json");
    return tokenizerClass?.[kind];
  };
}

/** A token is its text, or an object with its text as `content`; null means that there is none. */
function tokenText(value: unknown, key: string, file: string): string | undefined {
  const text = isRecord(value) ? value.content : value;
  if (typeof text === "string") return text;
  if (value === null) return undefined;
  throw new CheckpointError(
    `${file} has ${JSON.stringify(value)} as ${key}, expected a token or an object with its "content"`,
  );
}
