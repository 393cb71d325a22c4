import { fileSpans, isRecord, parseSpan } from "../json/json-edit.js";
import { tokenizerClassOf } from "./class-name.js";
import { findSpecialToken } from "./special-tokens.js";
import type { TokenizerFiles } from "./vocabulary.js";

/** What a tokenizer puts around texts. */
export interface TextTemplate {
  /** Tokens before a text that stands alone. */
  readonly head: number;
  /** Tokens behind it. */
  readonly tail: number;
  /** Ids between the two texts of a pair. */
  readonly separator: readonly number[];
}

/** Of tokenizers of which nothing is known: most have a token at either end. */
const UNKNOWN: TextTemplate = { head: 1, tail: 1, separator: [] };

const TOKENIZER = "tokenizer.json";

/**
 * What the tokenizer of `AutoTokenizer` puts around texts: what tokenizer.json says, where the class reads it and does not
 * put tokens of its own in its place; else what the class does.
 * @param files The tokenizer's files, and config.json for its `tokenizer_class`.
 * @param defaultClass The model type's tokenizer class, for files that name none that is known here.
 * @throws CheckpointError if a file is damaged.
 */
export function findTemplate(files: TokenizerFiles, defaultClass: string): TextTemplate {
  const { template, slowOnly } = tokenizerClassOf(files, defaultClass);
  const json = files.get(TOKENIZER);
  const stated = json && !slowOnly && !template?.ownLanguage ? statedTemplate(json) : undefined;
  if (stated) return stated;
  if (!template) return UNKNOWN;
  const { head, tail, between } = template;
  const separator = between.map((kind) => findSpecialToken(kind, files, defaultClass)?.id);
  return { head, tail, separator: separator.filter(isId) };
}

/** What tokenizer.json's `post_processor` does; undefined for one of an unknown kind. */
function statedTemplate(json: Buffer): TextTemplate | undefined {
  const span = fileSpans(json, TOKENIZER).get("post_processor");
  return templateOf(span && parseSpan(json, span));
}

function templateOf(processor: unknown): TextTemplate | undefined {
  if (!isRecord(processor)) return NOTHING;
  const { type } = processor;
  return typeof type === "string" && Object.hasOwn(PROCESSORS, type)
    ? PROCESSORS[type]?.(processor)
    : undefined;
}

type Reader = (processor: Readonly<Record<string, unknown>>) => TextTemplate | undefined;

const NOTHING: TextTemplate = { head: 0, tail: 0, separator: [] };

/** By the names that the tokenizers library gives them. */
const PROCESSORS: Readonly<Record<string, Reader>> = {
  TemplateProcessing: ({ single, pair, special_tokens: tokens }) => {
    const alone = pieces(single, tokens);
    const both = pieces(pair, tokens);
    const text = alone.indexOf("A");
    if (text < 0) return undefined;
    const between = both.slice(both.indexOf("A") + 1, both.indexOf("B"));
    return { head: text, tail: alone.length - text - 1, separator: between.filter(isId) };
  },
  BertProcessing: ({ sep }) => ({ head: 1, tail: 1, separator: [idOf(sep)].filter(isId) }),
  RobertaProcessing: ({ sep }) => ({ head: 1, tail: 1, separator: [idOf(sep), idOf(sep)].filter(isId) }),
  ByteLevel: () => NOTHING,
  // All run, one behind the other; in practice one of them adds tokens.
  Sequence: ({ processors }) => {
    const all = (Array.isArray(processors) ? processors : []).map(templateOf);
    if (all.includes(undefined)) return undefined;
    return all.find((one) => one !== undefined && one.head + one.tail > 0) ?? NOTHING;
  },
};

/** A template's parts: a text by its letter, a special token as the ids that stand for it. */
function pieces(template: unknown, tokens: unknown): unknown[] {
  const parts: unknown[] = Array.isArray(template) ? template : [];
  return parts.flatMap((part): unknown[] => {
    if (!isRecord(part)) return [];
    const { Sequence: text, SpecialToken: special } = part;
    if (isRecord(text)) return [text.id];
    const entry = isRecord(special) && isRecord(tokens) ? tokens[String(special.id)] : undefined;
    return isRecord(entry) && Array.isArray(entry.ids) ? entry.ids : [];
  });
}

/** The second of `[token, id]`. */
function idOf(token: unknown): unknown {
  return Array.isArray(token) ? token[1] : undefined;
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
