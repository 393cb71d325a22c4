import { createReadStream } from "node:fs";
import { posix, resolve } from "node:path";
import { LsgError } from "../base/errors.js";
import { listed } from "../base/listed.js";
import type { Progress } from "../base/progress.js";
import type { PushedFile } from "./files.js";
import { SECRET_PATTERNS, type SecretPattern, tokenPattern } from "./secret-patterns.js";
import { type SecretAt, searchSecrets } from "./secret-search.js";

/** A secret in a file, or in its name. Its text is nowhere but there. */
export interface FoundSecret {
  /** Up to the secret, if that is in the name. */
  readonly file: string;
  /** It is in the name, or in that of a folder. */
  readonly in_name?: true;
  readonly line?: number;
  /** Where it begins in a file that is not text. */
  readonly byte?: number;
  /** What it is. */
  readonly kind: string;
}

export class SecretsError extends LsgError {
  override readonly details: { readonly secrets: readonly FoundSecret[] };

  constructor(secrets: readonly FoundSecret[], again = "") {
    const masked = new Set(secrets.filter((secret) => secret.in_name).map(({ file }) => file));
    const files = [...new Set(secrets.map(({ file }) => file))].filter((file) => !masked.has(file));
    const flags = files
      .slice(0, MAX_NAMED)
      .map((file) => `--allow ${JSON.stringify(file)}`)
      .join(" ");
    const more = files.length > MAX_NAMED ? " and so on" : "";
    const ways = [flags + more, masked.size > 0 ? "--allow and the path, where it is in a name" : ""];
    super(
      `Nothing was pushed, for what must not be published: ${listed(secrets.map(described), MAX_NAMED)}.`,
      "Take it out, and have it revoked where it was given out if others could read it. What is no secret passes with " +
        `${ways.filter(Boolean).join(", ")}.${again}`,
    );
    this.details = { secrets };
  }
}

export interface SearchOptions {
  /** Access tokens in use on this machine. */
  readonly tokens: readonly string[];
  /** Files that may hold what looks like a secret: paths in the folder, or from the current directory. */
  readonly allow: readonly string[];
  readonly root: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Secrets that a message names. */
const MAX_NAMED = 8;

/** More of them in one file say no more. */
const MAX_IN_FILE = 100;

const CHUNK_BYTES = 1 << 20;

/**
 * Searches everything that is about to be pushed for secrets, every byte of every file.
 * @returns those that `allow` lets pass
 * @throws SecretsError for any other
 */
export async function refuseSecrets(
  files: readonly PushedFile[],
  { tokens, allow, root, progress, signal }: SearchOptions,
): Promise<FoundSecret[]> {
  const patterns = [tokenPattern(tokens), ...SECRET_PATTERNS];
  const bar = progress.bytes(
    "Searching for secrets",
    files.reduce((sum, { size }) => sum + size, 0),
  );
  const allowed = new Map(allow.map((name) => [name, allowedPath(name, files, root)]));
  const passes = new Set(allowed.values());
  const [refused, passed]: [FoundSecret[], FoundSecret[]] = [[], []];
  const holding = new Set<string>();
  for (const file of files) {
    const inName = await secretInName(file.path, patterns);
    const found = [...inName, ...(await secretsIn(file, patterns, bar.advance, signal))].map((secret) => ({
      ...secret,
      file: inName[0]?.file ?? file.path,
    }));
    if (found.length > 0) holding.add(file.path);
    (passes.has(file.path) ? passed : refused).push(...found);
  }
  bar.done();
  if (refused.length > 0) throw new SecretsError(refused);
  for (const secret of passed) progress.step(`Let pass by --allow: ${described(secret)}`);
  for (const [name, path] of allowed) {
    if (path === undefined) progress.step(`--allow ${name}: no such file is pushed`);
    else if (!holding.has(path)) progress.step(`--allow ${name}: no secret is in it`);
  }
  return passed;
}

/** The first of them: what comes before it can be told. */
async function secretInName(path: string, patterns: readonly SecretPattern[]): Promise<FoundSecret[]> {
  async function* name() {
    yield Buffer.from(path);
  }
  for await (const { at, kind } of searchSecrets(name(), patterns)) {
    return [{ file: `${Buffer.from(path).subarray(0, at)}…`, in_name: true, kind }];
  }
  return [];
}

function allowedPath(name: string, files: readonly PushedFile[], root: string): string | undefined {
  const inside = posix.normalize(name);
  return files.find(({ path }) => path === inside || resolve(root, path) === resolve(name))?.path;
}

async function secretsIn(
  file: PushedFile,
  patterns: readonly SecretPattern[],
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<FoundSecret[]> {
  if (file.original !== undefined) {
    // Its owner looks there, not into what it becomes.
    const own = { path: file.path, size: file.size, content: file.original };
    const found = await secretsIn(own, patterns, () => {}, signal);
    if (found.length > 0) return found;
  }
  async function* pieces() {
    for await (const piece of piecesOf(file)) {
      signal?.throwIfAborted();
      onBytes(piece.length);
      yield piece;
    }
  }
  const found: SecretAt[] = [];
  for await (const secret of searchSecrets(pieces(), patterns)) {
    found.push(secret);
    if (found.length === MAX_IN_FILE) break;
  }
  if (found.length === 0) return [];
  const bytes = found.map(({ at }) => at);
  const places = await placesInFile(piecesOf(file), bytes);
  return found.map(({ kind }, i) => ({ file: file.path, ...places[i], kind }));
}

async function* piecesOf({ content }: PushedFile): AsyncIterable<Buffer> {
  if (Buffer.isBuffer(content)) yield content;
  else yield* createReadStream(content.file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>;
}

function described({ file, line, byte, in_name, kind }: FoundSecret): string {
  if (in_name) return `${file} (${kind} in the name)`;
  return `${file} ${line === undefined ? `byte ${byte}` : `line ${line}`} (${kind})`;
}

const [NUL, LF, CR] = [0, 10, 13];

/** UTF-16 begins with one of these. */
const MARKS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
] as const;

/** A place in a file, as its owner looks for it. */
type PlaceInFile = { readonly line: number } | { readonly byte: number };

/**
 * The lines that bytes of a text stand in, counted as editors do; of a file that is not text the bytes themselves.
 * @param bytes in ascending order
 */
async function placesInFile(pieces: AsyncIterable<Buffer>, bytes: readonly number[]): Promise<PlaceInFile[]> {
  const places: PlaceInFile[] = [];
  let [start, line, last, isWide, isText] = [0, 1, NUL, false, true];
  const count = (part: Buffer) => {
    for (const byte of part) {
      if (byte === NUL) isText &&= isWide;
      else {
        if (byte === CR || (byte === LF && last !== CR)) line++;
        last = byte;
      }
    }
  };
  for await (const piece of pieces) {
    if (start === 0) isWide = MARKS.some((mark) => mark.every((byte, i) => piece[i] === byte));
    let from = 0;
    for (let byte = bytes[places.length]; byte !== undefined; byte = bytes[places.length]) {
      if (byte >= start + piece.length) break;
      count(piece.subarray(from, byte - start));
      from = byte - start;
      places.push(isText && (isWide || !piece.includes(NUL, from)) ? { line } : { byte });
    }
    if (places.length === bytes.length) break;
    count(piece.subarray(from));
    start += piece.length;
  }
  return places;
}
