/**
 * A text that was made of another, with the places in that one that each of its UTF-16 units comes from. The rules are
 * those of the `tokenizers` library (`NormalizedString`), whose offsets transformers gives.
 */
export interface AlignedText {
  readonly text: string;
  /** For each unit of `text` the first unit of the original that it comes from, and the first behind it. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** A text as it is. @param from where in the original it begins */
export function unchanged(text: string, from = 0): AlignedText {
  const builder = new AlignedBuilder();
  for (const character of text) {
    builder.add(character, from, from + character.length);
    from += character.length;
  }
  return builder.build();
}

/** Units `[start, end)` of a text. */
export function slice({ text, starts, ends }: AlignedText, start: number, end: number): AlignedText {
  return {
    text: text.slice(start, end),
    starts: starts.subarray(start, end),
    ends: ends.subarray(start, end),
  };
}

/** Where in the original units `[start, end)` come from; nothing where there are none. */
export function origin(
  { starts, ends }: AlignedText,
  start: number,
  end: number,
): [start: number, end: number] {
  return [starts[start] ?? 0, ends[end - 1] ?? 0];
}

/** Puts an aligned text together. */
export class AlignedBuilder {
  readonly #parts: string[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** Adds characters that all come from units `[start, end)` of the original. */
  add(text: string, start: number, end: number): void {
    this.#parts.push(text);
    for (let i = 0; i < text.length; i++) {
      this.#starts.push(start);
      this.#ends.push(end);
    }
  }

  /** Adds units `[start, end)` of a text as they are. */
  copy(from: AlignedText, start: number, end: number): void {
    this.#parts.push(from.text.slice(start, end));
    for (let i = start; i < end; i++) {
      this.#starts.push(from.starts[i] ?? 0);
      this.#ends.push(from.ends[i] ?? 0);
    }
  }

  build(): AlignedText {
    return {
      text: this.#parts.join(""),
      starts: Int32Array.from(this.#starts),
      ends: Int32Array.from(this.#ends),
    };
  }
}

/**
 * Puts something in front: it comes from where the first character does.
 */
export function prepended(text: AlignedText, front: string): AlignedText {
  const builder = new AlignedBuilder();
  const first = text.text.codePointAt(0) ?? 0;
  builder.add(front, ...origin(text, 0, first > 0xffff ? 2 : 1));
  builder.copy(text, 0, text.text.length);
  return builder.build();
}

/** Replaces what a pattern finds: what takes its place comes from the last character found. */
export function replaced(text: AlignedText, pattern: RegExp, content: string): AlignedText {
  const builder = new AlignedBuilder();
  let done = 0;
  for (const { 0: found, index } of text.text.matchAll(pattern)) {
    builder.copy(text, done, index);
    done = index + found.length;
    if (found !== "") builder.add(content, ...origin(text, done - 1, done));
  }
  builder.copy(text, done, text.text.length);
  return builder.build();
}

/** Characters by themselves, and with the marks behind them: what can become one character. */
const CHARACTERS = /[\s\S]/gu;
const CLUSTERS = /\P{M}\p{M}*|\p{M}+/gu;

/**
 * Changes a text by a function that knows nothing of places: character by character where that comes to the same, else
 * by characters with their marks, whose place is the first one's. What comes to neither is spread evenly.
 */
export function changed(text: AlignedText, change: (text: string) => string): AlignedText {
  const whole = change(text.text);
  if (whole === text.text) return text;
  const known = new Map<string, string>();
  for (const units of [CHARACTERS, CLUSTERS]) {
    const builder = new AlignedBuilder();
    for (const { 0: unit, index } of text.text.matchAll(units)) {
      const became = known.get(unit) ?? change(unit);
      known.set(unit, became);
      const [first = ""] = unit;
      builder.add(became, ...origin(text, index, index + first.length));
    }
    const result = builder.build();
    // A letter may become another at the end of a word; its place is the same.
    if (result.text.length === whole.length) return { ...result, text: whole };
  }
  const builder = new AlignedBuilder();
  const scale = text.text.length / whole.length;
  for (let i = 0; i < whole.length; i++) {
    const from = Math.floor(i * scale);
    builder.add(whole[i] ?? "", ...origin(text, from, from + 1));
  }
  return builder.build();
}
