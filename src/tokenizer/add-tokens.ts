import { CheckpointError } from "../base/errors.js";
import { editTopLevel, fileSpans, isRecord, type JsonEdits, parseSpan } from "../json/json-edit.js";
import { tokenizerClassOf } from "./class-name.js";
import { unnumberedTokens } from "./special-tokens.js";
import { findTokens, nextId, type TokenizerFiles } from "./vocabulary.js";

/** Ids by token. */
export type TokenIdMap = Readonly<Record<string, number>>;

const TOKENIZER = "tokenizer.json";
const SETTINGS = "tokenizer_config.json";
const SPECIAL_TOKENS = "special_tokens_map.json";
const ADDED_TOKENS = "added_tokens.json";

/** How a special token is matched: as it stands, wherever it stands. */
const MATCHING = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

/**
 * The ids of tokens that are to be added to a tokenizer, as `add_special_tokens` of transformers gives them: a token
 * that is there keeps its id, the others are numbered behind the last one.
 *
 * @param files The tokenizer's files, and config.json for its `tokenizer_class`.
 * @param defaultClass The model type's tokenizer class, for files that name none that is known here.
 * @throws CheckpointError for a tokenizer whose next id cannot be told.
 */
export function chooseIds(
  tokens: readonly string[],
  files: TokenizerFiles,
  defaultClass: string,
): { readonly ids: TokenIdMap; readonly added: readonly string[] } {
  const tokenizerClass = tokenizerClassOf(files, defaultClass);
  const found = findTokens(tokens, files, tokenizerClass);
  const added = tokens.filter((token) => !found.has(token));
  const next = nextId(files, tokenizerClass);
  const [unnumbered] = unnumberedTokens(files, defaultClass);
  if (unnumbered !== undefined) {
    throw new CheckpointError(
      `the tokenizer's files name the token ${JSON.stringify(unnumbered)} and give it no id: where added tokens go is open`,
      "Open the tokenizer with transformers, save it with save_pretrained, and convert again.",
    );
  }
  const ids = tokens.map((token) => [token, found.get(token)?.id ?? next + added.indexOf(token)] as const);
  return { ids: Object.fromEntries(ids), added };
}

/** Files of a folder that tell of added tokens: some that are there, and some that have to be. */
export function filesForTokens(files: TokenizerFiles): {
  readonly edited: readonly string[];
  readonly created: readonly string[];
} {
  const known = [TOKENIZER, SETTINGS, SPECIAL_TOKENS, ADDED_TOKENS];
  const settings = files.get(SETTINGS);
  // Without added_tokens_decoder tokenizers in Python look into the older file for ids.
  const hasIds = settings !== undefined && fileSpans(settings, SETTINGS).has("added_tokens_decoder");
  const needed = hasIds ? [SETTINGS] : [SETTINGS, ADDED_TOKENS];
  return {
    edited: known.filter((file) => files.has(file)),
    created: needed.filter((file) => !files.has(file)),
  };
}

/**
 * Adds special tokens to one of a tokenizer's files, at the folder's top.
 *
 * @param content `{}` for a file that is not there yet
 * @returns The new content, every other byte as it was; for other files `content` itself.
 * @throws CheckpointError if the file is not a JSON object.
 */
export function addTokens(file: string, content: Buffer, tokens: TokenIdMap): Buffer {
  const edits = EDITS[file];
  if (!edits) return content;
  const spans = fileSpans(content, file);
  const read = (key: string) => {
    const span = spans.get(key);
    return span && parseSpan(content, span);
  };
  return editTopLevel(content, edits(read, tokens), spans);
}

type ReadKey = (key: string) => unknown;

const EDITS: Readonly<Record<string, (read: ReadKey, tokens: TokenIdMap) => JsonEdits>> = {
  [TOKENIZER]: (read, tokens) => new Map([["added_tokens", extended(read("added_tokens"), tokens)]]),
  [SETTINGS]: (read, tokens) => {
    const decoder = read("added_tokens_decoder");
    return new Map([
      ...specialTokens(read, tokens),
      ...(isRecord(decoder) ? [["added_tokens_decoder", decoderEntries(decoder, tokens)] as const] : []),
    ]);
  },
  [SPECIAL_TOKENS]: specialTokens,
  [ADDED_TOKENS]: (_, tokens) => new Map(Object.entries(tokens)),
};

/** `added_tokens` of tokenizer.json: one that is there becomes a special one, if it was not. */
function extended(list: unknown, tokens: TokenIdMap): unknown[] {
  const old = (Array.isArray(list) ? list : []).map((entry: unknown) =>
    isRecord(entry) && isIn(tokens, entry.content) ? { ...entry, special: true } : entry,
  );
  const known = new Set(old.map((entry) => isRecord(entry) && entry.content));
  const news = Object.entries(tokens).filter(([token]) => !known.has(token));
  // Tokenizers number what they don't know in the order of this list.
  news.sort(([, a], [, b]) => a - b);
  return [...old, ...news.map(([content, id]) => ({ id, content, ...MATCHING }))];
}

/** What `added_tokens_decoder` gets: the entries that change, by id. */
function decoderEntries(decoder: Readonly<Record<string, unknown>>, tokens: TokenIdMap): JsonEdits {
  return new Map(
    Object.entries(tokens).map(([content, id]) => {
      const old = decoder[id];
      return [String(id), isRecord(old) ? { ...old, special: true } : { content, ...MATCHING }];
    }),
  );
}

/** The special tokens that have no other name: transformers 5 calls the list `extra_special_tokens`. */
function specialTokens(read: ReadKey, tokens: TokenIdMap): JsonEdits {
  const key = Array.isArray(read("extra_special_tokens"))
    ? "extra_special_tokens"
    : "additional_special_tokens";
  const given = read(key);
  const old: unknown[] = Array.isArray(given) ? given : [];
  const known = new Set(old.map((token) => (isRecord(token) ? token.content : token)));
  return new Map([[key, [...old, ...Object.keys(tokens).filter((token) => !known.has(token))]]]);
}

function isIn(tokens: TokenIdMap, content: unknown): boolean {
  return typeof content === "string" && Object.hasOwn(tokens, content);
}
