import type { Tokenizer } from "@huggingface/tokenizers";
import type { AlignedTokens, Texts } from "../text-tokenizer.js";
import { type AlignedText, origin, slice, unchanged } from "./aligned-text.js";
import { type Normalizer, normalised } from "./normalizers.js";
import { type PartPlace, type PreTokenizer, preTokens } from "./pre-tokens.js";

/** A token and the units of its text that it comes from. */
interface PlacedToken {
  readonly token: string;
  /** The same with the spaces that an added token took. */
  readonly written: string;
  /** Which text or word it is of. */
  readonly source: number;
  /** Which piece of the text. */
  readonly word: number;
  start: number;
  end: number;
}

/** A tokenizer's parts, as the library has them: it types none of them. */
interface Inside {
  readonly normalizer: Normalizer | null;
  readonly pre_tokenizer: PreTokenizer | null;
  readonly model: Subwords;
  readonly added_tokens_map: ReadonlyMap<string, AddedToken>;
  readonly splitter_unnormalized: { split(text: string): string[] };
  readonly splitter_normalized: { split(text: string): string[] };
  readonly post_processor: PostProcessor | null;
}

interface AddedToken {
  readonly id: number;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** It puts special tokens around whatever it is given. */
interface PostProcessor {
  readonly config?: {
    readonly type?: string;
    readonly trim_offsets?: boolean;
    readonly add_prefix_space?: boolean;
  };
  readonly processors?: readonly (PostProcessor | null)[];
  post_process(
    tokens: readonly PlacedToken[],
    pair: readonly PlacedToken[] | null,
  ): {
    readonly tokens: readonly (PlacedToken | string)[];
    readonly token_type_ids?: readonly number[];
  };
}

/** Parts of a model of subwords. */
interface Subwords {
  _call(pieces: readonly string[]): string[];
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token_id?: number;
  readonly unk_token?: string | null;
  readonly end_of_word_suffix?: string | null;
  /** Of BPE: what a piece is put together to, known or not. */
  bpe?(piece: string): string[];
  readonly ignore_merges?: boolean;
  readonly byte_fallback?: boolean;
  readonly continuing_subword_suffix?: string | null;
  readonly config: { readonly continuing_subword_prefix?: string };
}

/**
 * Tokenizes as the `tokenizers` library does, with the places of the tokens, which its port to JavaScript leaves out.
 * Each step of the port is taken by itself and its result laid beside what went in.
 */
export function alignTokens(given: Tokenizer, texts: Texts): AlignedTokens {
  const tokenizer = given as unknown as Inside;
  const first =
    "words" in texts
      ? texts.words.flatMap((word, i) => tokensOf(tokenizer, word, i, true))
      : tokensOf(tokenizer, texts.text, 0, false);
  const pair =
    "words" in texts || texts.pair === undefined ? null : tokensOf(tokenizer, texts.pair, 1, false);
  const processors = processorsOf(tokenizer.post_processor);
  for (const processor of processors) {
    for (const tokens of [first, pair ?? []]) trimSpaces(processor, tokens, "words" in texts);
  }
  const { tokens, token_type_ids: types } = tokenizer.post_processor?.post_process(first, pair) ?? {
    tokens: [...first, ...(pair ?? [])],
  };
  const placed = tokens.map((token) =>
    typeof token === "string" ? { token, written: token, source: -1, word: -1, start: 0, end: 0 } : token,
  );
  return {
    ids: placed.map(({ token }) => idOf(tokenizer, token)),
    // RoBERTa has one type, whatever the port says.
    types: types && !processors.some(isRoberta) ? [...types] : placed.map(() => 0),
    sources: placed.map(({ source }) => source),
    starts: placed.map(({ start }) => start),
    ends: placed.map(({ end }) => end),
    words: placed.map(({ word }) => word),
    continues: placed.map((token) => isContinued(tokenizer, token, textOf(texts, token.source))),
  };
}

function textOf(texts: Texts, source: number): string {
  if (source < 0) return "";
  if ("words" in texts) return texts.words[source] ?? "";
  return (source === 0 ? texts.text : texts.pair) ?? "";
}

/** @param text that the token is of */
function isContinued({ model }: Inside, { token, source, start, end }: PlacedToken, text: string): boolean {
  const id = model.tokens_to_ids.get(token) ?? model.unk_token_id;
  if (source < 0 || id === model.unk_token_id) return false;
  if (model.config.continuing_subword_prefix) return [...token].length !== [...text.slice(start, end)].length;
  return start > 0 && !text.slice(start - 1, start + 1).includes(" ");
}

function idOf({ added_tokens_map, model }: Inside, token: string): number {
  const id = added_tokens_map.get(token)?.id ?? model.tokens_to_ids.get(token) ?? model.unk_token_id;
  if (id === undefined) throw new Error(`it has no id for ${JSON.stringify(token)}`);
  return id;
}

function tokensOf(tokenizer: Inside, text: string, source: number, isWord: boolean): PlacedToken[] {
  const { splitter_unnormalized: raw, splitter_normalized: cooked, normalizer, pre_tokenizer } = tokenizer;
  const tokens: PlacedToken[] = [];
  let word = 0;
  for (const part of split(tokenizer, unchanged(text), raw.split(text))) {
    if (part.added !== undefined) {
      tokens.push(placed(part.added, { source, word: word++ }, part.text));
      continue;
    }
    const text = normalised(part.text, normalizer);
    for (const inner of split(tokenizer, text, cooked.split(text.text))) {
      if (inner.added !== undefined) {
        tokens.push(placed(inner.added, { source, word: word++ }, inner.text));
        continue;
      }
      const place: PartPlace = { isFirst: inner.text.starts[0] === 0, isWord };
      for (const piece of preTokens(inner.text, pre_tokenizer, place)) {
        const number = isWord ? source : word++;
        for (const token of subwords(tokenizer.model, piece)) tokens.push({ ...token, source, word: number });
      }
    }
  }
  return tokens;
}

function placed(token: string, of: Pick<PlacedToken, "source" | "word">, text: AlignedText): PlacedToken {
  const [start, end] = origin(text, 0, text.text.length);
  return { token, written: text.text, ...of, start, end };
}

interface Part {
  readonly text: AlignedText;
  /** The added token that it is, whose text may have taken the spaces around it. */
  readonly added: string | undefined;
}

/** The parts of a text, some of which are added tokens: these take spaces beside them where they say so. */
function split({ added_tokens_map: added }: Inside, text: AlignedText, parts: readonly string[]): Part[] {
  let done = 0;
  const places = parts.map((part) => {
    const start = done;
    done += part.length;
    return { part, start, end: done, token: added.get(part) };
  });
  places.forEach(({ token }, i) => {
    const [before, own, after] = [places[i - 1], places[i], places[i + 1]];
    if (!token || !own) return;
    if (token.lstrip && before && !before.token) {
      before.end = before.start + text.text.slice(before.start, before.end).trimEnd().length;
      own.start = before.end;
    }
    if (token.rstrip && after && !after.token) {
      const rest = text.text.slice(after.start, after.end).trimStart().length;
      after.start = after.end - rest;
      own.end = after.start;
    }
  });
  return places
    .filter(({ start, end }) => end > start)
    .map(({ part, start, end, token }) => ({
      text: slice(text, start, end),
      added: token && part,
    }));
}

/** The tokens of one piece, laid along it. */
function subwords(model: Subwords, piece: AlignedText): Omit<PlacedToken, "source" | "word">[] {
  if (piece.text === "") return [];
  const parts = model.bpe && !isKept(model, piece.text) ? model.bpe(piece.text) : model._call([piece.text]);
  const { continuing_subword_prefix: prefix = "" } = model.config;
  const suffixes = [model.end_of_word_suffix, model.continuing_subword_suffix].filter(Boolean) as string[];
  const isWhole = parts.length === 1;
  let at = 0;
  return parts.flatMap((part) => {
    const [start, length] = [at, lengthOf(part, { prefix: at > 0 ? prefix : "", suffixes })];
    const end = isWhole ? piece.text.length : Math.min(piece.text.length, start + length);
    at = end;
    const [from, to] = origin(piece, start, end);
    const tokens = model.bpe ? known(model, part) : [part];
    return tokens.map((token) => ({ token, written: token, start: from, end: to }));
  });
}

function isKept({ ignore_merges, tokens_to_ids }: Subwords, piece: string): boolean {
  return ignore_merges === true && tokens_to_ids.has(piece);
}

/** Units of a piece that a subword stands for. */
function lengthOf(
  part: string,
  { prefix, suffixes }: { readonly prefix: string; readonly suffixes: readonly string[] },
): number {
  const suffix = suffixes.find((end) => part.endsWith(end)) ?? "";
  return part.length - (part.startsWith(prefix) ? prefix.length : 0) - suffix.length;
}

/** The tokens of what BPE put together: itself, its bytes, the unknown one, or none. */
function known({ tokens_to_ids: ids, byte_fallback, unk_token }: Subwords, part: string): string[] {
  if (ids.has(part)) return [part];
  if (byte_fallback) {
    const bytes = Array.from(new TextEncoder().encode(part), (byte) => {
      return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    });
    if (bytes.every((byte) => ids.has(byte))) return bytes;
  }
  return unk_token == null ? [] : [unk_token];
}

/** A space, as byte-level BPE writes it and as it stands in a text. */
const SPACE = /[Ġ\s]/u;

/** How many characters at the beginning are spaces. */
function spaces(characters: readonly string[]): number {
  const first = characters.findIndex((character) => !SPACE.test(character));
  return first < 0 ? characters.length : first;
}

/** Byte-level tokenizers count no spaces to a token, but for one that they put there themselves. */
function trimSpaces({ config }: PostProcessor, tokens: readonly PlacedToken[], areWords: boolean): void {
  const { type, trim_offsets = true, add_prefix_space = true } = config ?? {};
  if (!trim_offsets || !(type === "RobertaProcessing" || type === "ByteLevel")) return;
  tokens.forEach((token, i) => {
    const characters = [...token.written];
    const [leading, trailing] = [spaces(characters), spaces(characters.reverse())];
    const isOurs = (add_prefix_space || areWords) && (i === 0 || token.start === 0);
    // A space that is not of the text has no place in it.
    if (isOurs && token.written.length === 1 && leading === 1) token.end = token.start;
    token.start = Math.min(token.start + Math.max(0, leading - Number(isOurs)), token.end);
    if (token.end >= trailing) token.end = Math.max(token.end - trailing, token.start);
  });
}

/** A post-processor, or those that it is a sequence of. */
function processorsOf(processor: PostProcessor | null): PostProcessor[] {
  if (!processor) return [];
  return processor.processors ? processor.processors.flatMap(processorsOf) : [processor];
}

function isRoberta({ config }: PostProcessor): boolean {
  return config?.type === "RobertaProcessing";
}
