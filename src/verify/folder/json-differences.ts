import { isRecord } from "../../json-edit.js";

/** One place where two JSON values differ; undefined stands for a key that is not there. */
export interface JsonDifference {
  /** `truncation.max_length`; empty for the whole. */
  readonly path: string;
  readonly expected: unknown;
  readonly found: unknown;
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

const MAX_SHOWN = 60;

function shorten(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
