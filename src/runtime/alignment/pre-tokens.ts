import { AlignedBuilder, type AlignedText, changed, origin, prepended, slice } from "./aligned-text.js";

/** A pre-tokenizer as the library has it, which types none of its parts. */
export interface PreTokenizer {
  pre_tokenize_text(text: string, options: object): string | string[];
  /** Of a sequence. */
  readonly tokenizers?: readonly (PreTokenizer | null)[];
  /** Of byte-level BPE. */
  readonly byte_encoder?: Readonly<Record<number, string>>;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
  readonly pattern?: RegExp;
  /** Of Metaspace. */
  readonly str_rep?: string;
  readonly replacement?: string;
  readonly prepend_scheme?: "always" | "first" | "never";
}

/** Where a part of a text stands, as pre-tokenizers ask. */
export interface PartPlace {
  /** Whether the text begins with it. */
  readonly isFirst: boolean;
  /** Whether it is one of the words that were given: they have a space before them. */
  readonly isWord: boolean;
}

/** The pieces that a tokenizer's model gets, one by one. */
export function preTokens(
  text: AlignedText,
  preTokenizer: PreTokenizer | null,
  place: PartPlace,
): AlignedText[] {
  if (!preTokenizer) return [text];
  const { tokenizers, byte_encoder, str_rep } = preTokenizer;
  if (tokenizers) {
    return tokenizers.reduce<AlignedText[]>(
      (pieces, one) => pieces.flatMap((piece) => preTokens(piece, one, place)),
      [text],
    );
  }
  if (byte_encoder) return byteLevel(text, preTokenizer, place);
  if (str_rep !== undefined) return metaspace(text, preTokenizer, place);
  return substrings(text, preTokenizer.pre_tokenize_text(text.text, {}));
}

/** Pieces of a text in their order, what stands between them left out. */
function substrings(text: AlignedText, pieces: string | readonly string[]): AlignedText[] {
  let done = 0;
  return [pieces].flat().map((piece) => {
    const start = text.text.indexOf(piece, done);
    // What was changed as well as split has the whole text's place.
    if (start < 0) return changed(text, () => piece);
    done = start + piece.length;
    return slice(text, start, done);
  });
}

/** Each byte of a word is a character, which comes from the one that it is a byte of. */
function byteLevel(
  text: AlignedText,
  { byte_encoder: characters = {}, add_prefix_space, use_regex, pattern }: PreTokenizer,
  { isWord }: PartPlace,
): AlignedText[] {
  const whole = (add_prefix_space || isWord) && !text.text.startsWith(" ") ? prepended(text, " ") : text;
  const words = use_regex && pattern ? substrings(whole, whole.text.match(pattern) ?? []) : [whole];
  const encoder = new TextEncoder();
  return words.map((word) => {
    const builder = new AlignedBuilder();
    let at = 0;
    for (const character of word.text) {
      const place = origin(word, at, at + character.length);
      for (const byte of encoder.encode(character)) builder.add(characters[byte] ?? "", ...place);
      at += character.length;
    }
    return builder.build();
  });
}

/** A mark for each space, which begins a piece, and one in front. */
function metaspace(
  text: AlignedText,
  { str_rep: mark = "", replacement = mark, prepend_scheme: scheme }: PreTokenizer,
  { isFirst }: PartPlace,
): AlignedText[] {
  const marked = changed(text, (part) => part.replaceAll(" ", mark));
  const isPrepended =
    !marked.text.startsWith(replacement) && (scheme === "always" || (scheme === "first" && isFirst));
  const whole = isPrepended ? prepended(marked, mark) : marked;
  const pieces: AlignedText[] = [];
  for (let start = 0; start < whole.text.length; ) {
    const next = whole.text.indexOf(mark, start + mark.length);
    const end = next < 0 ? whole.text.length : next;
    pieces.push(slice(whole, start, end));
    start = end;
  }
  return pieces;
}
