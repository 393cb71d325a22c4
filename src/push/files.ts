import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { LsgError } from "../base/errors.js";
import type { Progress } from "../base/progress.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { type Hashed, type HashingContext, hashFile } from "../checkpoint/hash-file.js";
import type { HubFile } from "../checkpoint/hub/api.js";
import { contentHash } from "../checkpoint/hub/download.js";
import type { FileHashes } from "../checkpoint/source-hashes.js";
import { isRead } from "../plan/side-files.js";
import { requireSealed } from "./sealed.js";

/** A file that changed after it was searched and compared. */
class ChangedFileError extends LsgError {
  override readonly exitCode = 1;
}

/** A local file, with a stamp that changes when the file does. */
export interface LocalFile {
  readonly file: string;
  readonly stamp: string;
}

/** A file as it is pushed: a local one, or content that is nowhere on the disk. */
export interface PushedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly content: LocalFile | Buffer;
  /** The folder's own file in whose place the content is. */
  readonly original?: LocalFile;
}

/** What a push does to a repository; paths, in order. */
export interface RepositoryChanges {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  readonly unchanged: readonly string[];
  /** Files of the repository that the folder lacks and that loaders may read. */
  readonly stale: readonly string[];
}

/**
 * Every file of a folder, in order; those in `written` with that content.
 * @throws CheckpointError for a Git LFS pointer in place of a file.
 */
export async function filesOf(
  source: FileSource,
  written: Readonly<Record<string, Buffer>>,
): Promise<PushedFile[]> {
  const paths = new Set([...source.files.keys(), ...Object.keys(written)]);
  return Promise.all(
    [...paths].sort().map(async (path): Promise<PushedFile> => {
      const content = written[path];
      const isThere = source.files.has(path) || content === undefined;
      const local = isThere ? await stamped(await source.localPath(path)) : undefined;
      if (content) return { path, size: content.length, content, ...(local && { original: local }) };
      return { path, size: source.files.get(path)?.size ?? 0, content: local as LocalFile };
    }),
  );
}

async function stamped(file: string): Promise<LocalFile> {
  const { ino, size, mtimeNs } = await stat(file, { bigint: true });
  return { file, stamp: [ino, size, mtimeNs].join(":") };
}

/**
 * Opens a local file to be sent. Whatever becomes of it from then on is not sent: reading it fails.
 * @throws ChangedFileError if it changed since it was checked
 */
export async function openUnchanged({ file, stamp }: LocalFile, path: string): Promise<Blob> {
  // Node's own file blobs are read as they are sent; those that the library makes of file URLs pile up in memory.
  const blob = await openAsBlob(file);
  if ((await stamped(file)).stamp === stamp) return blob;
  throw new ChangedFileError(
    `nothing was pushed: ${path} was changed while the push was prepared`,
    "Run it again once nothing else writes into the folder.",
  );
}

/**
 * Compares a folder with a repository, by sizes and hashes.
 * @param sealed what was, or is going to be proven: what is left out since it is there must be that as well
 * @throws ChangedFolderError if a file is another by now
 */
export async function compare(
  files: readonly PushedFile[],
  there: ReadonlyMap<string, HubFile>,
  sealed: FileHashes | undefined,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<RepositoryChanges> {
  const sameSize = files.filter(({ path, size }) => there.get(path)?.size === size);
  const bar = progress.bytes(
    "Comparing",
    sameSize.reduce((sum, { size }) => sum + size, 0),
  );
  const unchanged = new Set<string>();
  for (const file of sameSize) {
    const known = there.get(file.path) as HubFile;
    const hash = contentHash(known);
    const proven = createHash("sha256");
    const both = { update: (bytes: Buffer) => void [hash, proven].map((one) => one.update(bytes)) };
    await hashContent(file, both, { signal, onBytes: bar.advance });
    if (hash.digest("hex") !== known.etag) continue;
    requireSealed(file.path, proven.digest("hex"), sealed);
    unchanged.add(file.path);
  }
  bar.done();
  const paths = files.map(({ path }) => path);
  const own = new Set(paths);
  return {
    added: paths.filter((path) => !there.has(path)),
    replaced: paths.filter((path) => there.has(path) && !unchanged.has(path)),
    unchanged: [...unchanged],
    stale: [...there.keys()].filter((path) => !own.has(path) && isRead(path)).sort(),
  };
}

async function hashContent({ content }: PushedFile, hash: Hashed, context: HashingContext): Promise<void> {
  if (!Buffer.isBuffer(content)) return hashFile(content.file, hash, context);
  hash.update(content);
  context.onBytes?.(content.length);
}
