import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../base/errors.js";
import type { FileSource, Watch } from "./file-source.js";
import { sha256Of } from "./hash-file.js";

/** Bytes of a file that were read by themselves: the header of weights. */
interface ReadRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly hash: string;
}

/**
 * A source that knows which of its files were read, and what they were. Of a folder that is noted when it is opened; of
 * the Hub's files, which a commit names for good, each is noted when it is in the cache.
 */
export async function watched(source: FileSource): Promise<FileSource> {
  if (source.watch) return source;
  const { origin } = source;
  const places = new Map<string, string>();
  const found = new Map<string, BigIntStats | undefined>();
  const read = new Set<string>();
  const contents = new Map<string, string>();
  const ranges = new Map<string, ReadRange>();
  let notesContents = false;
  /** Of the work that reads: hashing a large file takes minutes. */
  let stopping: AbortSignal | undefined;
  if (origin.kind === "folder") {
    for (const path of source.files.keys()) {
      const place = join(origin.path, ...path.split("/"));
      places.set(path, place);
      found.set(path, await identity(place));
    }
  }
  const isLocal = origin.kind === "folder";

  async function noteContents(signal?: AbortSignal): Promise<void> {
    stopping = signal;
    for (const path of read) await noteContent(path, signal);
    notesContents = true;
  }

  async function noteContent(path: string, signal?: AbortSignal): Promise<void> {
    const place = places.get(path);
    if (place !== undefined && !contents.has(path)) contents.set(path, await sha256Of(place, signal));
  }

  /** Before a file is read for the first time. */
  async function begin(path: string): Promise<void> {
    // What is never opened cannot change.
    if (source.files.get(path)?.refused !== undefined) return;
    read.add(path);
    if (notesContents) await noteContent(path, stopping);
  }

  async function requireUnchanged(signal?: AbortSignal): Promise<void> {
    for (const path of read) {
      const place = places.get(path);
      const [before, now] = [found.get(path), place === undefined ? undefined : await identity(place)];
      const listed = source.files.get(path)?.size;
      const change = changeOf(before, now, contents.has(path)) ?? sizeChange(listed, now);
      if (change !== undefined) throw changed(path, change);
      const isOther =
        contents.has(path) && (place === undefined || contents.get(path) !== (await sha256Of(place, signal)));
      if (isOther) throw changed(path, "its content is another");
    }
    for (const { path, start, end, hash } of ranges.values()) {
      if (sha256(await source.readRange(path, start, end)) !== hash) {
        throw changed(path, `its bytes ${start} to ${end} are others`);
      }
    }
  }

  const watch: Watch = { noteContents, requireUnchanged };
  return {
    ...source,
    watch,
    async read(path) {
      const content = await source.read(path);
      if (isLocal) {
        read.add(path);
        if (!contents.has(path)) contents.set(path, sha256(content));
      }
      return content;
    },
    async readRange(path, start, end) {
      if (isLocal) await begin(path);
      const bytes = await source.readRange(path, start, end);
      if (isLocal) {
        const key = `${path}:${start}:${end}`;
        if (!ranges.has(key)) ranges.set(key, { path, start, end, hash: sha256(bytes) });
      }
      return bytes;
    },
    async localPath(path, options) {
      const place = await source.localPath(path, options);
      places.set(path, place);
      if (!found.has(path)) found.set(path, await identity(place));
      await begin(path);
      return place;
    },
  };
}

/**
 * Does work that reads sources, and holds them to what they were, whether it ends or fails: what a change has brought about
 * (a file that ends too early, a tensor of neither state) is not the fault.
 * @throws CheckpointError if one of them has changed
 */
export async function whileUnchanged<T>(
  sources: Iterable<FileSource>,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const require = async () => {
    for (const source of sources) await source.watch?.requireUnchanged(signal);
  };
  let done: T;
  try {
    done = await work();
  } catch (error) {
    if (!signal?.aborted) await require();
    throw error;
  }
  await require();
  return done;
}

/** What the system knows of a file, links followed; undefined where there is none. */
async function identity(place: string): Promise<BigIntStats | undefined> {
  return stat(place, { bigint: true }).catch(() => undefined);
}

/** NTFS and its indexers change this time without a write; elsewhere a write is the least that it tells. */
const HAS_CHANGE_TIME = process.platform !== "win32";

/** @param isKnown whether the content is compared as well, which settles what is doubtful here */
function changeOf(
  before: BigIntStats | undefined,
  now: BigIntStats | undefined,
  isKnown: boolean,
): string | undefined {
  if (!now) return "it is gone";
  if (!before) return "it was not there";
  if (before.size !== now.size) return `it had ${before.size} bytes and has ${now.size}`;
  if (before.mtimeNs !== now.mtimeNs) return "it was written to";
  if (isKnown) return undefined;
  // Where every write and rename shows, other numbers alone are those of a file system that gives them out anew.
  if (HAS_CHANGE_TIME && before.ctimeNs === now.ctimeNs) return undefined;
  if (before.ino !== now.ino || before.dev !== now.dev) return "another file has taken its place";
  // A link that somebody made or removed, other permissions, another owner: all that changes this time without a write.
  const isExplained = (["nlink", "mode", "uid", "gid"] as const).some((key) => before[key] !== now[key]);
  if (!HAS_CHANGE_TIME || isExplained) return undefined;
  return "it was written to and its date set back, or another program has linked to it";
}

/** Between the listing of a folder and the look at its files. */
function sizeChange(listed: number | undefined, now: BigIntStats | undefined): string | undefined {
  if (listed === undefined || now === undefined || BigInt(listed) === now.size) return undefined;
  return `it had ${listed} bytes and has ${now.size}`;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function changed(path: string, change: string): CheckpointError {
  return new CheckpointError(
    `${path} has changed while it was read: ${change}`,
    "Leave the model alone while it is read, and run again.",
  );
}
