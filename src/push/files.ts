import { createHash } from "node:crypto";
import type { Progress } from "../base/progress.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { type Hashed, type HashingContext, hashFile } from "../checkpoint/hash-file.js";
import type { HubFile } from "../checkpoint/hub/api.js";
import { contentHash } from "../checkpoint/hub/download.js";
import type { FileHashes } from "../checkpoint/source-hashes.js";
import { isRead } from "../plan/side-files.js";
import { requireSealed } from "./sealed.js";

/** A file as it is pushed: a local one by its path, or content that is nowhere on the disk. */
export interface PushedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly content: { readonly file: string } | Buffer;
}

/** What a push does to a repository; paths, in order. */
export interface RepositoryChanges {
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  readonly unchanged: readonly string[];
  /** Files of the repository that are none of the folder's, and that loaders may read. */
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
      if (content) return { path, size: content.length, content };
      return {
        path,
        size: source.files.get(path)?.size ?? 0,
        content: { file: await source.localPath(path) },
      };
    }),
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
