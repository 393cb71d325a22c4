import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import { parseJson } from "../../checkpoint/checkpoint.js";
import { isRecord } from "../../json/json-edit.js";
import { replaceNumbers } from "../../json/json-scan.js";
import { standardJson } from "../../json/standard-json.js";

/** One place where two JSON values differ; undefined stands for a key that is not there. */
export interface JsonDifference {
  /** `truncation.max_length`; empty for the whole. */
  readonly path: string;
  readonly expected: unknown;
  readonly found: unknown;
}

/**
 * What a whole number that is written as a float becomes: 16.0 is 16 to JavaScript, and no index to Python. No file can
 * have this key of its own.
 */
const FLOAT = `float-${randomUUID()}`;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Every place where two JSON files differ by their values. Whole numbers written as floats differ from
 * integers.
 * @throws CheckpointError if one is not JSON
 */
export function jsonFileDifferences(expected: Buffer, found: Buffer, file: string): JsonDifference[] {
  const [plannedMark, mark] = [expected, found].map((content) => content.subarray(0, BOM.length).equals(BOM));
  if (mark && !plannedMark) {
    return [{ path: "the beginning", expected: undefined, found: "a byte order mark" }];
  }
  if (!isUtf8(found)) return [{ path: "the text", expected: "UTF-8", found: "other bytes" }];
  const [a, b] = [expected, found].map((content) => parseJson(markFloats(content), file));
  return [...repeatedKeys(found), ...jsonDifferences(a, b)];
}

/** Of a repeated key some readers take the first value, some the last, and some refuse the file. */
function repeatedKeys(json: Buffer): JsonDifference[] {
  return standardJson(json, (_, value) => value).repeated.map((path) => {
    return { path: path.join("."), expected: "one value", found: "several values" };
  });
}

function markFloats(json: Buffer): Buffer {
  return replaceNumbers(json, (number) =>
    /[.eE]/.test(number) && Number.isInteger(Number(number)) ? `{"${FLOAT}":${number}}` : undefined,
  );
}

/** Every place where two JSON values differ, in the order of the expected one's keys. */
export function jsonDifferences(expected: unknown, found: unknown, path = ""): JsonDifference[] {
  const inner = (key: string | number) => (path === "" ? String(key) : `${path}.${key}`);
  if (Array.isArray(expected) && Array.isArray(found) && expected.length === found.length) {
    return expected.flatMap((value, i) => jsonDifferences(value, found[i], inner(i)));
  }
  if (isRecord(expected) && isRecord(found)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(found)]);
    return [...keys].flatMap((key) => jsonDifferences(own(expected, key), own(found, key), inner(key)));
  }
  return isSame(expected, found) ? [] : [{ path, expected, found }];
}

/** "block_size is 64, expected 256". */
export function describeDifference({ path, expected, found }: JsonDifference): string {
  const place = path === "" ? "the content" : path;
  if (found === undefined) return `${place} is missing, expected ${shorten(expected)}`;
  if (expected === undefined) return `${place} is ${shorten(found)}, expected to be absent`;
  return `${place} is ${shorten(found)}, expected ${shorten(expected)}`;
}

function own(record: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}

const MARKED = new RegExp(`\\{"${FLOAT}":([^}]*)\\}`, "g");

const MAX_SHOWN = 60;

/** Of which those are made. */
const MAX_LOOKED_AT = 1000;

function shorten(value: unknown): string {
  const text = JSON.stringify(value).slice(0, MAX_LOOKED_AT).replaceAll(MARKED, "$1.0");
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
