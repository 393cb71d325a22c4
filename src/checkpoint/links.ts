import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { CheckpointError, systemErrorCode } from "../base/errors.js";
import { listed } from "../base/listed.js";
import { isHidden } from "./file-kinds.js";

/** What lies in a model's folder under some name. */
export type FolderEntry =
  | { readonly kind: "file"; readonly place: Place; readonly size: number }
  | { readonly kind: "folder"; readonly path: string }
  /** What is never opened. */
  | { readonly kind: "refused"; readonly reason: string; readonly isFolder: boolean };

/** A file as it was found, links followed: one that has taken its place since is another. */
export interface Place {
  /** Absolute, without a link in it. */
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** Stores in which git-annex and DVC keep a folder's own files, by hashes, with links in their places. */
const STORES = /^\.(git\/annex\/objects|dvc\/cache)\//;

/** What the system says where a link leads nowhere. */
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** And where it leads through a folder that is closed to this user. */
const FORBIDDEN: ReadonlySet<string> = new Set(["EACCES", "EPERM"]);

/** Entries that an error names. */
const MAX_NAMED = 5;

/**
 * Looks at entries of a model's folder. A link is followed into the folder itself, or from a snapshot of a Hub cache to
 * the blobs of its repository; any other target must not be read or published, not even a hidden file beside the model.
 * @param root the folder, without a link in its path
 * @param dangling links that lead nowhere: a Hub cache that was cleaned by hand has such links; in a folder that is
 *   verified, a file could be put there later
 * @returns undefined for an entry that is not there, or is ignored
 */
export function entriesOf(
  root: string,
  { dangling }: { readonly dangling: "ignored" | "refused" },
): (path: string) => Promise<FolderEntry | undefined> {
  const blobs = blobsOf(root);

  async function followed(path: string): Promise<FolderEntry> {
    const refused = async (where: string, isFolder = false): Promise<FolderEntry> => {
      return { kind: "refused", reason: `is a link to ${await readlink(path)}, ${where}`, isFolder };
    };
    const real = await realpath(path).catch((error: unknown) => {
      if (!FORBIDDEN.has(systemErrorCode(error) ?? "")) throw error;
    });
    if (real === undefined) return refused("which may not be read");
    const stats = await lstat(real, { bigint: true });
    const below = relative(root, real).split(sep).join("/");
    if (isAbsolute(below) || /^\.\.(\/|$)/.test(below)) {
      const isBlob = dirname(real) === blobs && stats.isFile();
      return isBlob ? asFound(real, stats) : refused("outside of the folder", stats.isDirectory());
    }
    const isOwn = STORES.test(below) || !isHidden(below);
    return isOwn ? asFound(real, stats) : refused("a hidden file", stats.isDirectory());
  }

  return async (path) => {
    try {
      const stats = await lstat(path, { bigint: true });
      return stats.isSymbolicLink() ? await followed(path) : asFound(path, stats);
    } catch (error) {
      if (!ABSENT.has(systemErrorCode(error) ?? "")) throw error;
      const target = dangling === "refused" ? await readlink(path).catch(() => undefined) : undefined;
      if (target === undefined) return undefined;
      return { kind: "refused", reason: `is a link to ${target}, which leads nowhere`, isFolder: false };
    }
  };
}

/** The blobs of the repository that a folder is a snapshot of: `models--org--name/snapshots/<commit>`, or a folder below. */
function blobsOf(root: string): string | undefined {
  const parts = root.split(sep);
  const at = parts.findLastIndex((part, i) => part === "snapshots" && parts[i - 1]?.startsWith("models--"));
  return at > 0 && at < parts.length - 1 ? join(parts.slice(0, at).join(sep), "blobs") : undefined;
}

function asFound(path: string, stats: BigIntStats): FolderEntry {
  if (stats.isFile()) {
    const place = { path, device: stats.dev, inode: stats.ino };
    return { kind: "file", place, size: Number(stats.size) };
  }
  if (stats.isDirectory()) return { kind: "folder", path };
  const what = stats.isFIFO() ? "a named pipe" : stats.isSocket() ? "a socket" : "a device";
  return { kind: "refused", reason: `is ${what}, not a file`, isFolder: false };
}

/** Opens a file where it was found. @throws CheckpointError if something else lies there by now */
export async function openPlace(place: Place, label: string): Promise<FileHandle> {
  // Where a link or a pipe lies by now it is neither followed nor waited for. Windows has neither flag.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(place.path, flags).catch((error: unknown) => {
    throw systemErrorCode(error) === "ELOOP" ? replaced(label) : error;
  });
  const stats = await handle.stat({ bigint: true });
  if (isAt(place, stats)) return handle;
  await handle.close();
  throw replaced(label);
}

/** @throws CheckpointError if something else lies where a file was found */
export async function requirePlace(place: Place, label: string): Promise<void> {
  if (!isAt(place, await lstat(place.path, { bigint: true }))) throw replaced(label);
}

function isAt({ device, inode }: Place, stats: BigIntStats): boolean {
  return stats.isFile() && stats.dev === device && stats.ino === inode;
}

function replaced(label: string): CheckpointError {
  return new CheckpointError(
    `${label} was replaced by another file since its folder was opened`,
    "Leave the folder alone and run again.",
  );
}

/** The error for entries that would have to be opened. @param entries by path, and why they are not */
export function refusedEntries(entries: ReadonlyMap<string, string>): CheckpointError {
  const reasons = [...entries].map(([path, reason]) => `${path} ${reason}`);
  return new CheckpointError(
    `${listed(reasons, MAX_NAMED)}: only files of the model's own folder are read.`,
    `Put a copy or a hard link of what belongs to the model in the place of ${entries.size === 1 ? "it" : "each"}, or remove ${entries.size === 1 ? "it" : "them"}.`,
  );
}
