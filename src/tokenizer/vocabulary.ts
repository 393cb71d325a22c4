import { CheckpointError } from "../base/errors.js";
import { fileSpans, isRecord, parseSpan, parseString } from "../json/json-edit.js";
import { type Span, walkArray, walkObject } from "../json/json-scan.js";
import { sentencePieces } from "./sentencepiece.js";
import { type SentencepieceIds, TOKENIZER_CLASSES, type TokenizerClass } from "./tokenizer-classes.js";

/** Contents of a tokenizer's files by name. */
export type TokenizerFiles = ReadonlyMap<string, Buffer>;

/** A token, its row in the word embeddings, and the file that says so. */
export interface SpecialToken {
  readonly token: string;
  readonly id: number;
  readonly foundIn: string;
}

type Wanted = Pick<ReadonlySet<string>, "has" | "size">;

const EVERY: Wanted = { has: () => true, size: Number.POSITIVE_INFINITY };

/** Finds wanted tokens in one kind of file; the ids are still to be checked. */
type IdReader = (content: Buffer, wanted: Wanted, file: string) => ReadonlyMap<string, unknown>;

/** In the order in which they decide. */
const SENTENCEPIECE_FILES = [
  ...new Set([
    ...Object.values(TOKENIZER_CLASSES).flatMap(({ files }) =>
      files.filter((file) => file.endsWith(".model")),
    ),
    "tokenizer.model",
  ]),
].sort();
const VOCABULARIES = ["tokenizer.json", "vocab.txt", "vocab.json", ...SENTENCEPIECE_FILES];
/** They number tokens besides a vocabulary's. */
const ADDED_TOKENS_FILES = ["tokenizer_config.json", "added_tokens.json"];
const IN_ORDER: SentencepieceIds = { offset: 0, fixed: {}, appended: [] };
const OPEN_BRACE = "{".charCodeAt(0);
const OPEN_BRACKET = "[".charCodeAt(0);

/** Whether there is a vocabulary, without which no tokenizer opens. */
export function hasTokenizer(files: Pick<ReadonlySet<string>, "has">): boolean {
  return VOCABULARIES.some((file) => files.has(file));
}

/**
 * Finds the ids of tokens in a tokenizer's files. The files are asked in the order in which transformers lets
 * them decide, each only for what those before it lack; tokens that no file knows are missing in the result.
 *
 * @param tokenizerClass Says how a sentencepiece model or a dictionary is numbered.
 * @throws CheckpointError if a file is damaged or gives a token something else than an id.
 */
export function findTokens(
  wanted: Iterable<string>,
  files: TokenizerFiles,
  tokenizerClass: TokenizerClass,
): Map<string, SpecialToken> {
  const found = new Map<string, SpecialToken>();
  const missing = new Set(wanted);
  for (const [file, read] of idReaders(tokenizerClass)) {
    const content = files.get(file);
    if (!content || missing.size === 0) continue;
    for (const [token, id] of read(content, missing, file)) {
      found.set(token, { token, id: checkedId(id, token, file), foundIn: file });
      missing.delete(token);
    }
  }
  return found;
}

/**
 * The id that a tokenizer gives to the next token that is added to it: its length.
 *
 * @throws CheckpointError if there is no vocabulary, if it is damaged, or if its ids have gaps: transformers counts
 *   tokens, and would give a new one an id that another has.
 */
export function nextId(files: TokenizerFiles, tokenizerClass: TokenizerClass): number {
  const present = idReaders(tokenizerClass).filter(([file]) => files.has(file));
  const vocabulary = present.find(([file]) => !ADDED_TOKENS_FILES.includes(file));
  if (!vocabulary) {
    throw new CheckpointError(
      "the folder has no tokenizer to which tokens could be added",
      "Put its files beside config.json.",
    );
  }
  const ids = new Map<string, number>();
  let largest = -1;
  // Of several vocabularies the first decides: others may be numbered otherwise.
  for (const [file, read] of present) {
    if (file !== vocabulary[0] && !ADDED_TOKENS_FILES.includes(file)) continue;
    for (const [token, given] of read(files.get(file) as Buffer, EVERY, file)) {
      const id = checkedId(given, token, file);
      ids.set(token, id);
      largest = Math.max(largest, id);
    }
  }
  // Beside a sentencepiece model some classes have tokens of their own, which no file names.
  const isCounted = !SENTENCEPIECE_FILES.includes(vocabulary[0]);
  if (isCounted && ids.size <= largest) {
    throw new CheckpointError(
      `the tokenizer has ${ids.size} tokens, and ids up to ${largest}: a token that is added would get the id of another`,
      "Number its tokens without gaps, and order the rows of the embeddings in the same way.",
    );
  }
  return largest + 1;
}

function checkedId(id: unknown, token: string, file: string): number {
  if (typeof id === "number" && Number.isSafeInteger(id) && id >= 0) return id;
  throw new CheckpointError(`${file} gives ${JSON.stringify(token)} the id ${JSON.stringify(id)}`);
}

/** The files that number tokens, whatever a tokenizer's class: others need not be read for that. */
export const VOCABULARY_FILES = idReaders({ sentencepiece: IN_ORDER }).map(([file]) => file);

function idReaders({
  sentencepiece,
  dictionary,
}: Pick<TokenizerClass, "sentencepiece" | "dictionary">): [file: string, IdReader][] {
  const pieces: IdReader = (model, wanted, file) =>
    numbered(sentencePieces(model, file), wanted, sentencepiece);
  const lines: IdReader = (text, wanted) =>
    dictionary ? numbered(dictionaryWords(text), wanted, dictionary) : numbered(textLines(text), wanted);
  return [
    ["tokenizer.json", tokenizerJsonIds],
    ["tokenizer_config.json", addedTokensDecoderIds],
    ["added_tokens.json", memberIds],
    ...(sentencepiece ? SENTENCEPIECE_FILES.map((file): [string, IdReader] => [file, pieces]) : []),
    ["vocab.txt", lines],
    ["vocab.json", memberIds],
  ];
}

/** `added_tokens` of tokenizer.json before its model's vocabulary, which is only passed over, never built. */
function tokenizerJsonIds(json: Buffer, wanted: Wanted, file: string): Map<string, unknown> {
  const spans = fileSpans(json, file);
  const ids = new Map<string, unknown>();
  const added = spans.get("added_tokens");
  const tokens = added && parseSpan(json, added);
  for (const token of Array.isArray(tokens) ? tokens : []) {
    if (isRecord(token) && typeof token.content === "string" && wanted.has(token.content)) {
      ids.set(token.content, token.id);
    }
  }
  const model = spans.get("model");
  if (ids.size === wanted.size || !model || json[model.start] !== OPEN_BRACE) return ids;
  walkObject(json, model.start, ({ key, value }) => {
    if (parseString(json, key) !== "vocab") return;
    for (const [token, id] of vocabIds(json, value, wanted)) if (!ids.has(token)) ids.set(token, id);
  });
  return ids;
}

/** `model.vocab`: an object of ids, or for Unigram an array of [piece, score] in the order of the ids. */
function vocabIds(json: Buffer, { start }: Span, wanted: Wanted): Map<string, unknown> {
  const ids = new Map<string, unknown>();
  if (json[start] === OPEN_BRACE) {
    walkObject(json, start, ({ key, value }) => {
      const token = parseString(json, key);
      if (wanted.has(token)) ids.set(token, parseSpan(json, value));
    });
  } else if (json[start] === OPEN_BRACKET) {
    let index = 0;
    walkArray(json, start, (element) => {
      const piece = parseSpan(json, element);
      if (Array.isArray(piece) && wanted.has(piece[0])) ids.set(piece[0], index);
      index++;
    });
  }
  return ids;
}

/** tokenizer_config.json: `{"added_tokens_decoder": {"4": {"content": "<mask>", …}}}`. */
function addedTokensDecoderIds(json: Buffer, wanted: Wanted, file: string): Map<string, unknown> {
  const ids = new Map<string, unknown>();
  const span = fileSpans(json, file).get("added_tokens_decoder");
  const decoder = span && parseSpan(json, span);
  for (const [id, token] of Object.entries(isRecord(decoder) ? decoder : {})) {
    if (isRecord(token) && typeof token.content === "string" && wanted.has(token.content)) {
      ids.set(token.content, Number(id));
    }
  }
  return ids;
}

/** vocab.json and added_tokens.json: `{"<mask>": 4, …}`. */
function memberIds(json: Buffer, wanted: Wanted, file: string): Map<string, unknown> {
  const ids = new Map<string, unknown>();
  for (const [token, span] of fileSpans(json, file))
    if (wanted.has(token)) ids.set(token, parseSpan(json, span));
  return ids;
}

/** Ids by position; a token that stands there twice has the later one, as in transformers' `load_vocab`. */
function numbered(
  tokens: Iterable<string>,
  wanted: Wanted,
  { offset, fixed, appended }: SentencepieceIds = IN_ORDER,
): Map<string, number> {
  const ids = new Map<string, number>();
  let next = offset;
  for (const token of tokens) {
    if (wanted.has(token)) ids.set(token, next);
    next++;
  }
  for (const token of appended) {
    if (wanted.has(token)) ids.set(token, next);
    next++;
  }
  for (const [token, id] of Object.entries(fixed)) {
    if (wanted.has(token)) ids.set(token, id);
  }
  return ids;
}

/** Lines as Python's text mode knows them: what ends with a line break has no empty line behind it. */
function textLines(text: Buffer): string[] {
  const lines = text.toString("utf8").split(/\r\n|\r|\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** The words of a fairseq dictionary, whose lines are `word count`. */
function dictionaryWords(text: Buffer): string[] {
  const lines = textLines(text).map((line) => line.trim());
  return lines.filter((line) => line !== "").map((line) => line.slice(0, line.lastIndexOf(" ")));
}
