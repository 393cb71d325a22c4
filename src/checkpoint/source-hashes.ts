import { createHash } from "node:crypto";
import type { FileSource } from "./file-source.js";
import { sha256Of } from "./hash-file.js";
import { hashInThread } from "./hash-thread.js";
import { ownWeights, readForSorting, sortFiles } from "./left-out.js";

/** SHA-256 of files by their paths, in the order of the paths. */
export type FileHashes = Readonly<Record<string, string>>;

/** Up to here a thread takes longer to start than this one takes to hash: some 30 ms. */
const MAX_HASHED_HERE = 32 * 2 ** 20;

/** What a conversion reads of a source, in order: its weights and small files, no exports and no other formats. */
export async function convertedFiles(source: FileSource): Promise<string[]> {
  const files = await readForSorting(source);
  return [...new Set([...sortFiles(files).kept, ...ownWeights(files)])].sort();
}

/** The SHA-256 of what a conversion reads of a source. */
export async function sourceHashes(source: FileSource, signal?: AbortSignal): Promise<FileHashes> {
  return hashesOf(source, await convertedFiles(source), signal);
}

export async function hashesOf(
  source: FileSource,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<FileHashes> {
  const local: string[] = [];
  for (const path of paths) local.push(await source.localPath(path, { signal }));
  const bytes = paths.reduce((sum, path) => sum + (source.files.get(path)?.size ?? 0), 0);
  const hashes = await (bytes > MAX_HASHED_HERE ? hashInThread : hashHere)(local, signal);
  return Object.fromEntries(paths.map((path, i) => [path, hashes[i] ?? ""]));
}

async function hashHere(paths: readonly string[], signal: AbortSignal | undefined): Promise<string[]> {
  const hashes: string[] = [];
  for (const path of paths) hashes.push(await sha256Of(path, signal));
  return hashes;
}

/** One SHA-256 for all, as records of format 1 have it: that of the lines which `sha256sum FILE…` prints. */
export function hashOfHashes(hashes: FileHashes): string {
  const lines = createHash("sha256");
  for (const [path, hash] of Object.entries(hashes)) lines.update(`${hash}  ${path}\n`);
  return lines.digest("hex");
}
