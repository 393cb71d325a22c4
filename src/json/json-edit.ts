import { isUtf8 } from "node:buffer";
import { CheckpointError } from "../base/errors.js";
import { JsonSyntaxError, type Span, skipSpace, unexpected, walkObject } from "./json-scan.js";

/** The span of a top-level value, and that of its key with the quotes. */
export interface TopLevelSpan extends Span {
  readonly key: Span;
}

/**
 * What becomes of the keys of an object: `undefined` removes a key, a Map edits the object that stands there,
 * anything else becomes the value. Keys that the object lacks are added at its end.
 */
export type JsonEdits = ReadonlyMap<string, unknown>;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const OPEN_BRACE = "{".charCodeAt(0);

/**
 * Where the values of a JSON document's top-level object are, in the file's order. The whole text is checked
 * but not built, so a tokenizer.json of 17 MB costs one pass and no memory. A byte order mark is passed over.
 *
 * @param most keys that it may have
 * @throws JsonSyntaxError if `json` is not UTF-8, breaks RFC 8259, is not an object, nests deeper than `MAX_DEPTH`,
 *   goes on behind its end, names a top-level key twice, or has too many of them.
 */
export function topLevelSpans(json: Buffer, most = Number.POSITIVE_INFINITY): Map<string, TopLevelSpan> {
  if (!isUtf8(json)) throw new JsonSyntaxError("the text is not UTF-8");
  const spans = new Map<string, TopLevelSpan>();
  const open = skipSpace(json, json.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0);
  const close = walkObject(json, open, ({ key, value }) => {
    const name = parseString(json, key);
    if (spans.has(name)) throw new JsonSyntaxError(`the key ${JSON.stringify(name)} stands there twice`);
    if (spans.size === most) throw new JsonSyntaxError(`it has more than ${most} keys`);
    spans.set(name, { ...value, key });
  });
  const rest = skipSpace(json, close);
  if (rest < json.length) throw unexpected(json, rest, "the end of the text");
  return spans;
}

/** `topLevelSpans` of a checkpoint's side file. @throws CheckpointError that names `file`. */
export function fileSpans(json: Buffer, file: string): Map<string, TopLevelSpan> {
  try {
    return topLevelSpans(json);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const remedy = "Restore it from its source; a Git LFS pointer or a cut download looks like this too.";
    throw new CheckpointError(`${file} is not a JSON object: ${error.message}`, remedy, { cause: error });
  }
}

/** Builds the value that a span of a document holds. */
export function parseSpan(json: Buffer, { start, end }: Span): unknown {
  return JSON.parse(json.toString("utf8", start, end));
}

/** Builds the string whose span, quotes included, is given. */
export function parseString(json: Buffer, { start, end }: Span): string {
  const raw = json.toString("utf8", start + 1, end - 1);
  return raw.includes("\\") ? JSON.parse(`"${raw}"`) : raw;
}

/** True for what JSON calls an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Edits a JSON object and leaves every byte alone that it has no reason to touch: key order, white space and
 * the spelling of numbers (`1e-12`, `1.0`) survive, also those of a value that is already the wanted one. New
 * text follows the file's own indentation; a file on one line stays on one line.
 *
 * @param json UTF-8 text of a JSON document whose top level is an object.
 * @param spans `topLevelSpans(json)`, where the caller has them already.
 * @returns The edited text; `json` itself where nothing changes.
 * @throws JsonSyntaxError as `topLevelSpans`.
 */
export function editTopLevel(
  json: Buffer,
  edits: JsonEdits,
  spans: ReadonlyMap<string, TopLevelSpan> = topLevelSpans(json),
): Buffer {
  const style = styleOf(json, spans);
  const changes = new Map<string, Buffer | undefined>();
  for (const [name, wanted] of edits) {
    const span = spans.get(name);
    const current = span && json.subarray(span.start, span.end);
    const text = wanted === undefined ? undefined : valueText(current, wanted, style);
    if (text !== current) changes.set(name, text);
  }
  if (changes.size === 0) return json;

  const members: Buffer[] = [];
  let previousEnd = 0;
  for (const [name, { key, start, end }] of spans) {
    const text = changes.has(name) ? changes.get(name) : json.subarray(start, end);
    if (text) {
      if (members.length > 0) members.push(json.subarray(previousEnd, key.start));
      members.push(json.subarray(key.start, start), text);
    }
    previousEnd = end;
  }
  for (const [name, text] of changes) {
    if (spans.has(name) || !text) continue;
    if (members.length > 0) members.push(Buffer.from(`,${style.gap}`));
    members.push(Buffer.from(JSON.stringify(name) + style.colon), text);
  }

  const [first] = spans.values();
  const bounds = first && members.length > 0 ? [first.key.start, previousEnd] : emptyBounds(json);
  return Buffer.concat([json.subarray(0, bounds[0]), ...members, json.subarray(bounds[1])]);
}

/** What stands around the members of an object without any: up to its opening brace, from its closing one. */
function emptyBounds(json: Buffer): [number, number] {
  return [json.indexOf("{") + 1, json.lastIndexOf("}")];
}

/** The text of `wanted`, or `current` itself where that says the same already. */
function valueText(current: Buffer | undefined, wanted: unknown, style: Style): Buffer {
  if (current && wanted instanceof Map && current[0] === OPEN_BRACE) return editTopLevel(current, wanted);
  if (current && JSON.stringify(JSON.parse(current.toString())) === JSON.stringify(wanted)) return current;
  return Buffer.from(format(wanted, style));
}

/** How an object's text is laid out, read off its last member. */
interface Style {
  /** White space between a comma and the next key. */
  readonly gap: string;
  /** The colon with the white space around it. */
  readonly colon: string;
  /** What one level adds to the indentation; empty in a file on one line. */
  readonly unit: string;
}

/** White space that is looked at around a member; more than this is not indentation. */
const MAX_INDENT = 1024;

function styleOf(json: Buffer, spans: ReadonlyMap<string, TopLevelSpan>): Style {
  const last = [...spans.values()].at(-1);
  if (!last) return { gap: " ", colon: ": ", unit: "" };
  const colon = json.toString("latin1", last.key.end, last.start);
  const before = json.toString("latin1", Math.max(0, last.key.start - MAX_INDENT), last.key.start);
  const gap = before.slice(before.trimEnd().length);
  const indent = /\n([ \t]*)$/.exec(gap)?.[1];
  if (indent === undefined) return { gap: colon.endsWith(" ") ? " " : "", colon, unit: "" };
  const behind = json.toString("latin1", last.end, last.end + MAX_INDENT);
  const closing = /^\s*?\n([ \t]*)\}/.exec(behind)?.[1] ?? "";
  return { gap, colon, unit: indent.slice(closing.length) };
}

function format(value: unknown, { gap, unit }: Style): string {
  const mapsToo = (_key: string, inner: unknown) =>
    inner instanceof Map ? Object.fromEntries(inner) : inner;
  if (gap === "") return JSON.stringify(value, mapsToo);
  if (unit !== "") return JSON.stringify(value, mapsToo, unit).replaceAll("\n", gap);
  // Strings hold no raw line break, so every break in the indented text stands between two values.
  return JSON.stringify(value, mapsToo, 1)
    .replace(/,\n\s*/g, ", ")
    .replace(/\n\s*/g, "");
}
