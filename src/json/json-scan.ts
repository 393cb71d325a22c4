/** A range of bytes, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One member of a JSON object: its key with the quotes, and its value. */
export interface Member {
  readonly key: Span;
  readonly value: Span;
}

/** Text that breaks RFC 8259. The message says at which byte, and what was expected there. */
export class JsonSyntaxError extends SyntaxError {
  override readonly name = "JsonSyntaxError";
}

/** Deeper nesting is refused; serde_json, which reads every tokenizer.json, stops at the same depth. */
export const MAX_DEPTH = 128;

const LITERALS = ["true", "false", "null"].map((word) => Buffer.from(word));

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Passes over the value that begins at byte `at`, inside of `depth` others, and returns the offset behind it. */
export type PassValue = (json: Buffer, at: number, depth: number, key?: Span) => number;

/**
 * Passes over the object that opens at byte `open`, checking it in full and building nothing, and returns the
 * offset behind it. `visit` sees each of its members (not those of objects inside); `pass` passes over their values.
 *
 * @throws JsonSyntaxError
 */
export function walkObject(
  json: Buffer,
  open: number,
  visit?: (member: Member) => void,
  depth = 1,
  pass: PassValue = skipValue,
): number {
  expectByte(json, open, OPEN_BRACE);
  let at = skipSpace(json, open + 1);
  if (json[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    const key = { start: at, end: skipString(json, at) };
    const colon = skipSpace(json, key.end);
    expectByte(json, colon, COLON);
    const start = skipSpace(json, colon + 1);
    const end = pass(json, start, depth, key);
    visit?.({ key, value: { start, end } });
    at = skipSpace(json, end);
    if (json[at] === CLOSE_BRACE) return at + 1;
    expectByte(json, at, COMMA);
    at = skipSpace(json, at + 1);
  }
}

/** The same for the array that opens at byte `open`; `visit` sees its elements. @throws JsonSyntaxError */
export function walkArray(
  json: Buffer,
  open: number,
  visit?: (element: Span) => void,
  depth = 1,
  pass: PassValue = skipValue,
): number {
  expectByte(json, open, OPEN_BRACKET);
  let at = skipSpace(json, open + 1);
  if (json[at] === CLOSE_BRACKET) return at + 1;
  for (;;) {
    const end = pass(json, at, depth);
    visit?.({ start: at, end });
    at = skipSpace(json, end);
    if (json[at] === CLOSE_BRACKET) return at + 1;
    expectByte(json, at, COMMA);
    at = skipSpace(json, at + 1);
  }
}

/** Passes over white space from byte `from` and returns the offset behind it. */
export function skipSpace(json: Buffer, from: number): number {
  let at = from;
  let byte = json[at];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = json[++at];
  return at;
}

/** The error for a document that has something else at byte `at` than what was expected. */
export function unexpected(json: Buffer, at: number, expected: string): JsonSyntaxError {
  const byte = json[at];
  const found = byte === undefined ? "the end of the text" : JSON.stringify(String.fromCharCode(byte));
  return new JsonSyntaxError(`expected ${expected} at byte ${at}, found ${found}`);
}

function expectByte(json: Buffer, at: number, byte: number): void {
  if (json[at] !== byte) throw unexpected(json, at, JSON.stringify(String.fromCharCode(byte)));
}

/** Passes over any value. @throws JsonSyntaxError */
export function skipValue(json: Buffer, at: number, depth: number): number {
  const byte = json[at];
  if (byte === QUOTE) return skipString(json, at);
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
    refuseTooDeep(json, at, depth);
    const walk = byte === OPEN_BRACE ? walkObject : walkArray;
    return walk(json, at, undefined, depth + 1);
  }
  if (byte === MINUS || isDigit(byte)) return skipNumber(json, at);
  for (const word of LITERALS) {
    if (json.subarray(at, at + word.length).equals(word)) return at + word.length;
  }
  throw unexpected(json, at, "a value");
}

/** @throws JsonSyntaxError for an object or list at byte `at` that lies inside of as many as there may be */
export function refuseTooDeep(json: Buffer, at: number, depth: number): void {
  if (depth >= MAX_DEPTH) throw unexpected(json, at, `at most ${MAX_DEPTH} levels`);
}

/**
 * @throws JsonSyntaxError for a text whose objects and lists nest deeper than `MAX_DEPTH`, be it JSON otherwise or not:
 *   what walks through the values would not come back from there
 */
export function refuseDeep(json: Buffer): void {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) refuseTooDeep(json, at, depth++);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
}

/** The offset behind the string that opens at a byte, or behind the text where it has no end. */
function endOfString(json: Buffer, open: number): number {
  let at = open + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function skipString(json: Buffer, open: number): number {
  expectByte(json, open, QUOTE);
  for (let at = open + 1; ; at++) {
    const byte = json[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte < 0x20) throw unexpected(json, at, "the rest of a string");
    if (byte === BACKSLASH) at = skipEscape(json, at);
  }
}

/** Returns the offset of the escape's last byte. */
function skipEscape(json: Buffer, backslash: number): number {
  const behind = json.toString("latin1", backslash + 1, backslash + 6);
  if (/^["\\/bfnrt]/.test(behind)) return backslash + 1;
  if (/^u[0-9A-Fa-f]{4}$/.test(behind)) return backslash + 5;
  throw unexpected(json, backslash + 1, "an escape");
}

function skipNumber(json: Buffer, from: number): number {
  let at = json[from] === MINUS ? from + 1 : from;
  at = json[at] === ZERO ? at + 1 : skipDigits(json, at);
  if (json[at] === POINT) at = skipDigits(json, at + 1);
  if (json[at] === 0x65 || json[at] === 0x45) {
    const sign = json[at + 1];
    at = skipDigits(json, sign === PLUS || sign === MINUS ? at + 2 : at + 1);
  }
  return at;
}

function skipDigits(json: Buffer, from: number): number {
  if (!isDigit(json[from])) throw unexpected(json, from, "a digit");
  let at = from + 1;
  while (isDigit(json[at])) at++;
  return at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}

/**
 * Replaces numbers of a JSON text; those in strings stay. One pass, also over a text that is not JSON: a string that has no
 * end goes to the text's.
 * @param replacement what stands in the place of a number's text; undefined to leave it
 */
export function replaceNumbers(json: Buffer, replacement: (number: string) => string | undefined): Buffer {
  const parts: Buffer[] = [];
  let kept = 0;
  for (let at = 0; at < json.length; ) {
    const byte = json[at] as number;
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === MINUS || isDigit(byte)) {
      const end = endOfNumber(json, at);
      const text = replacement(json.toString("latin1", at, end));
      if (text !== undefined) {
        parts.push(json.subarray(kept, at), Buffer.from(text));
        kept = end;
      }
      at = end;
    } else at++;
  }
  return kept === 0 ? json : Buffer.concat([...parts, json.subarray(kept)]);
}

function endOfNumber(json: Buffer, from: number): number {
  let at = from + 1;
  while (isInNumber(json[at])) at++;
  return at;
}

function isInNumber(byte: number | undefined): boolean {
  const isMark = byte === POINT || byte === PLUS || byte === MINUS || byte === 0x65 || byte === 0x45;
  return isMark || isDigit(byte);
}
