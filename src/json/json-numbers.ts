import { endOfString } from "./json-scan.js";

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;

/**
 * Replaces numbers of a JSON text; those in strings stay. One pass, also over a text that is no JSON: a string that has no
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

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
