import { MAX_SECRET_LENGTH, type SecretPattern } from "./secret-patterns.js";

export interface SecretAt {
  readonly at: number;
  readonly kind: string;
}

/** Zeros that may stand behind a character: UTF-16 has one, UTF-32 three. */
const MAX_ZEROS = 3;

/** Characters of one that is escaped: \u005f. */
const MAX_ESCAPE = 6;

/** Bytes that are looked at from where a secret begins. */
const WINDOW = MAX_SECRET_LENGTH * MAX_ESCAPE * (1 + MAX_ZEROS);

const [BACKSLASH, PERCENT] = [0x5c, 0x25];

/** Characters before a secret that say whether it begins in the middle of a word: no escape has more. */
const BEFORE = 16;

/** How texts in texts write a character of ASCII: JSON, Python, addresses. */
const ESCAPE = /(?:\\u00|\\x|%)([2-7][0-9A-Fa-f])/y;

/** A letter or digit that belongs to an escape is in no word: of a line's end, of a character, of a terminal's colour. */
const ESCAPE_BEFORE =
  /(?:\\[abefnrtv0]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}|\[[\d;]{0,12}[mK])$/;

/**
 * Finds secrets in the bytes of one file, in ASCII or wider characters, escaped or not. Every byte is looked at once,
 * whatever number of patterns there is: the first two bytes of all of them are in one table.
 * @param pieces the file, piece by piece
 */
export async function* searchSecrets(
  pieces: AsyncIterable<Buffer>,
  patterns: readonly SecretPattern[],
): AsyncIterable<SecretAt> {
  const starts = startsOf(patterns);
  let [bytes, start, from]: [Buffer, number, number] = [Buffer.alloc(0), 0, 0];
  for await (const piece of pieces) {
    bytes = Buffer.concat([bytes, piece]);
    const to = Math.max(from, bytes.length - WINDOW);
    yield* searchBytes(bytes, from, to, start, starts);
    // What stands before the next byte says whether that is in the middle of a word.
    const kept = Math.max(0, to - BEFORE * (1 + MAX_ZEROS));
    start += kept;
    from = to - kept;
    bytes = bytes.subarray(kept);
  }
  yield* searchBytes(bytes, from, bytes.length, start, starts);
}

interface Starts {
  /** 1 for the first two bytes of something that is sought. */
  readonly pairs: Uint8Array;
  readonly byFirst: ReadonlyMap<number, readonly { begin: Buffer; sought: SecretPattern }[]>;
}

function startsOf(patterns: readonly SecretPattern[]): Starts {
  const pairs = new Uint8Array(1 << 16);
  const byFirst = new Map<number, { begin: Buffer; sought: SecretPattern }[]>();
  for (const written of ["\\\0", "\\u", "\\x", "%\0", ..."234567".split("").map((digit) => `%${digit}`)]) {
    pairs[Buffer.from(written, "latin1").readUInt16LE()] = 1;
  }
  for (const sought of patterns) {
    for (const text of sought.begins) {
      const begin = Buffer.from(text, "latin1");
      const [first = 0, second = 0] = begin;
      pairs[first | (second << 8)] = 1;
      for (const behind of [0, BACKSLASH, PERCENT]) pairs[first | (behind << 8)] = 1; // wider, or an escape
      byFirst.set(first, [...(byFirst.get(first) ?? []), { begin, sought }]);
    }
  }
  return { pairs, byFirst };
}

function* searchBytes(
  bytes: Buffer,
  from: number,
  to: number,
  start: number,
  { pairs, byFirst }: Starts,
): Iterable<SecretAt> {
  for (let at = nextPair(bytes, from, to, pairs); at < to; at = nextPair(bytes, at + 1, to, pairs)) {
    const step = 1 + zerosBehind(bytes, at);
    const firsts = [bytes[at] as number, unescapedAt(bytes, at, step)?.byte ?? -1];
    const kind = firsts
      .flatMap((first) => byFirst.get(first) ?? [])
      .find(({ begin, sought }) => beginsAt(bytes, at, step, begin) && isSecret(bytes, at, step, sought))
      ?.sought.kind;
    if (kind !== undefined) yield { at: start + at, kind };
  }
}

/** The next place at which something may begin. A function of its own, which is compiled well. */
function nextPair(bytes: Buffer, from: number, to: number, pairs: Uint8Array): number {
  let at = from;
  while (at < to && pairs[(bytes[at] as number) | ((bytes[at + 1] ?? 0) << 8)] === 0) at++;
  return at;
}

function beginsAt(bytes: Buffer, at: number, step: number, begin: Buffer): boolean {
  let next = at;
  for (const byte of begin) {
    const escaped = bytes[next] === byte ? undefined : unescapedAt(bytes, next, step);
    if (bytes[next] !== byte && escaped?.byte !== byte) return false;
    next += step * (escaped?.length ?? 1);
  }
  return true;
}

/** The character that is escaped there, if one is. */
function unescapedAt(bytes: Buffer, at: number, step: number): { byte: number; length: number } | undefined {
  if (bytes[at] !== BACKSLASH && bytes[at] !== PERCENT) return undefined;
  ESCAPE.lastIndex = 0;
  const [text, code] = ESCAPE.exec(characters(bytes, at, MAX_ESCAPE, step)) ?? [];
  return text && code ? { byte: Number.parseInt(code, 16), length: text.length } : undefined;
}

function isSecret(
  bytes: Buffer,
  at: number,
  step: number,
  { pattern, unless, inWords }: SecretPattern,
): boolean {
  if (!inWords && isInWord(bytes, at, step)) return false;
  const test = (text: string) => matches(pattern, text) && !(unless && matches(unless, text));
  const text = characters(bytes, at, MAX_SECRET_LENGTH, step);
  if (test(text)) return true;
  if (!/[\\%]/.test(text)) return false;
  const long = characters(bytes, at, MAX_SECRET_LENGTH * MAX_ESCAPE, step);
  return test(unescaped(long).slice(0, MAX_SECRET_LENGTH));
}

function isInWord(bytes: Buffer, at: number, step: number): boolean {
  const count = Math.min(BEFORE, Math.floor(at / step));
  const before = characters(bytes, at - count * step, count, step);
  return /[A-Za-z0-9]$/.test(before) && !ESCAPE_BEFORE.test(before);
}

function matches(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(text);
}

function unescaped(text: string): string {
  return text.replace(new RegExp(ESCAPE, "g"), (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}

function zerosBehind(bytes: Buffer, at: number): number {
  let zeros = 0;
  while (zeros < MAX_ZEROS && bytes[at + 1 + zeros] === 0) zeros++;
  return zeros;
}

function characters(bytes: Buffer, at: number, count: number, step: number): string {
  const text = bytes.toString("latin1", at, at + count * step);
  return step === 1 ? text : everyNth(text, step);
}

function everyNth(text: string, step: number): string {
  let picked = "";
  for (let i = 0; i < text.length; i += step) picked += text[i];
  return picked;
}
