import { realpath } from "node:fs/promises";
import { basename } from "node:path";
import type { FileSource } from "../file-source.js";
import { hashFile } from "../hash-file.js";
import type { HubFile } from "./api.js";
import { contentHash } from "./download.js";

/** SHA-256 of an LFS file, git's SHA-1 of another one. */
const HASH = /^([0-9a-f]{64}|[0-9a-f]{40})$/;

/**
 * Whether a file of a Hub model is what its commit says: a cache may have been written to since the download. The Hub's
 * list of files has a hash of each, and the cache calls what it links to by it.
 * @returns undefined where neither is known: offline, on a disk without links
 */
export async function isAsCommitted(
  source: FileSource,
  path: string,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  const place = await source.localPath(path, { signal });
  const listed = source.files.get(path) as Partial<HubFile> | undefined;
  const etag = listed?.etag ?? basename(await realpath(place));
  if (!HASH.test(etag)) return undefined;
  const hash = contentHash({ etag, size: listed?.size ?? 0 });
  await hashFile(place, hash, { signal });
  return hash.digest("hex") === etag;
}
