import { isUtf8 } from "node:buffer";
import { parseString } from "./json-edit.js";
import {
  JsonSyntaxError,
  refuseTooDeep,
  type Span,
  skipSpace,
  skipValue,
  unexpected,
  walkArray,
  walkObject,
} from "./json-scan.js";

/** Numbers that Python writes into JSON, reads there, and JSON does not have. */
const NON_FINITE = ["NaN", "Infinity", "-Infinity"] as const;
export type NonFinite = (typeof NON_FINITE)[number];

/** A place in a document: keys of objects and indices of lists, from the outside in. */
export type JsonPath = readonly (string | number)[];

/** The JSON text that stands for a number which JSON does not have; it may throw instead. */
export type Replace = (path: JsonPath, value: NonFinite) => string;

export interface StandardJson {
  /** The text as every reader takes it; the buffer that was given, where there was nothing to do. */
  readonly content: Buffer;
  /** Keys that stood there more than once: the last is left. */
  readonly repeated: readonly JsonPath[];
  /** Numbers that JSON does not have, and what stands there now. */
  readonly replaced: readonly { readonly path: JsonPath; readonly value: NonFinite; readonly by: string }[];
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const LITERALS = NON_FINITE.map((word) => ({ word, bytes: Buffer.from(word) }));

/**
 * JSON as Python reads it becomes JSON as every reader does: no byte order mark, of a key that stands in an object
 * several times the last alone, other text for `NaN`, `Infinity` and `-Infinity`. Every other byte stays. It takes
 * one pass, which builds nothing but keys.
 *
 * @throws JsonSyntaxError for what Python does not read either, and for nesting deeper than `MAX_DEPTH`.
 */
export function standardJson(json: Buffer, replace: Replace): StandardJson {
  if (!isUtf8(json)) throw new JsonSyntaxError("the text is not UTF-8");
  const text = withoutMark(json);
  const oddities = findOddities(text);
  if (oddities.length === 0) return { content: text, repeated: [], replaced: [] };
  const repeated: JsonPath[] = [];
  const replaced: StandardJson["replaced"][number][] = [];
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end, place, kind } of oddities.sort((a, b) => a.start - b.start)) {
    // What is odd inside of a member that is left out goes with it.
    if (start < at) continue;
    parts.push(text.subarray(at, start));
    at = end;
    if (kind === "first of several") repeated.push(pathOf(place));
    if (isNonFinite(kind)) {
      const path = pathOf(place);
      const by = replace(path, kind);
      parts.push(Buffer.from(by));
      replaced.push({ path, value: kind, by });
    }
  }
  return { content: Buffer.concat([...parts, text.subarray(at)]), repeated, replaced };
}

/** The text behind a byte order mark; the whole of it where there is none. */
function withoutMark(json: Buffer): Buffer {
  return startsWithMark(json) ? json.subarray(BYTE_ORDER_MARK.length) : json;
}

/** Whether a text begins with a byte order mark. */
export function startsWithMark(json: Buffer): boolean {
  return json.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
}

/** Where something stands: the innermost key or index, and where the value around it does. */
interface Place {
  readonly key: string | number;
  readonly outer: Place | undefined;
}

/** Something that not every reader takes: a number, or a member that a later one of its name replaces. */
interface Oddity extends Span {
  readonly place: Place | undefined;
  readonly kind: NonFinite | "first of several" | "another of several";
}

function findOddities(json: Buffer): Oddity[] {
  const found: Oddity[] = [];

  const passObject = (open: number, depth: number, outer: Place | undefined): number => {
    const starts: number[] = [];
    const last = new Map<string, number>();
    const repeated = new Set<string>();
    let key = "";
    const visit = (member: { key: Span }) => {
      const earlier = last.get(key);
      if (earlier !== undefined) {
        const kind = repeated.has(key) ? "another of several" : "first of several";
        const next = starts[earlier + 1] ?? member.key.start;
        found.push({ start: starts[earlier]!, end: next, place: { key, outer }, kind });
        repeated.add(key);
      }
      last.set(key, starts.length);
      starts.push(member.key.start);
    };
    return walkObject(json, open, visit, depth, (_, at, inside, span) => {
      const name = parseString(json, span!);
      const end = pass(at, inside, name, outer);
      key = name;
      return end;
    });
  };
  const passArray = (open: number, depth: number, outer: Place | undefined): number => {
    let index = 0;
    return walkArray(json, open, undefined, depth, (_, at, inside) => pass(at, inside, index++, outer));
  };
  const pass = (at: number, depth: number, key?: string | number, outer?: Place): number => {
    const byte = json[at];
    const place = () => (key === undefined ? undefined : { key, outer });
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      refuseTooDeep(json, at, depth);
      return (byte === OPEN_BRACE ? passObject : passArray)(at, depth + 1, place());
    }
    const literal = byte === QUOTE ? undefined : nonFiniteAt(json, at);
    if (!literal) return skipValue(json, at, depth);
    found.push({ start: at, end: at + literal.length, place: place(), kind: literal });
    return at + literal.length;
  };

  const end = skipSpace(json, pass(skipSpace(json, 0), 0));
  if (end < json.length) throw unexpected(json, end, "the end of the text");
  return found;
}

function nonFiniteAt(json: Buffer, at: number): NonFinite | undefined {
  const [first, second] = [json[at], json[at + 1]];
  const likely = LITERALS.find(({ bytes }) => bytes[0] === first && bytes[1] === second);
  return likely && json.subarray(at, at + likely.bytes.length).equals(likely.bytes) ? likely.word : undefined;
}

function isNonFinite(kind: Oddity["kind"]): kind is NonFinite {
  return (NON_FINITE as readonly string[]).includes(kind);
}

function pathOf(place: Place | undefined): JsonPath {
  const path: (string | number)[] = [];
  for (let at = place; at; at = at.outer) path.push(at.key);
  return path.reverse();
}
