import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import {
  copyFile,
  type FileHandle,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HubError, systemErrorCode } from "../../base/errors.js";
import type { FileSource, TransferOptions } from "../file-source.js";
import { hashFile } from "../hash-file.js";
import { isRunning } from "../interrupted/owner.js";
import type { HubFile } from "./api.js";
import { sizeOf } from "./cache.js";
import type { HubAnswer, HubClient } from "./client.js";
import { type HubSubject, networkError } from "./errors.js";

export interface Download extends TransferOptions {
  readonly url: string;
  readonly subject: HubSubject & { readonly file: string };
  readonly file: HubFile;
  /** Where the file goes: `blobs/<etag>`. */
  readonly blob: string;
}

/**
 * Downloads a blob, going on with what an interrupted run has left, and checks its hash.
 *
 * Each process writes to a partial file of its own, `<etag>.lsg-<pid>.incomplete`, and takes over those of
 * processes that are gone. Should one be taken from a process that still runs (in another container), both
 * write the same bytes at the same places. Python's `<etag>.incomplete` is copied and never written to: its
 * owner appends to it under a lock that Node cannot take.
 * @throws HubError if the content's size or hash is not the listed one; nothing is left of it then.
 */
export async function downloadBlob(client: HubClient, download: Download): Promise<void> {
  const { blob, file, subject } = download;
  const partial = `${blob}.lsg-${process.pid}.incomplete`;
  await mkdir(dirname(blob), { recursive: true });
  await takeOverPartial(blob, partial);
  for (;;) {
    const { digest, resumed } = await receive(client, download, partial);
    if (digest === file.etag) break;
    await rm(partial, { force: true });
    if (resumed) continue; // what was left over may be at fault: once more, from the start
    throw new HubError(
      `${subject.file} of "${subject.repo}" arrived damaged: its hash is ${digest}, the Hub lists ${file.etag}.`,
      "Try again; if it happens twice, something between you and the Hub changes files.",
    );
  }
  await rename(partial, blob).catch(async (error) => {
    if ((await sizeOf(blob)) !== file.size) throw error; // else another process was first
  });
  await removeStalePartial(`${blob}.incomplete`);
}

/** Brings the partial file to its full size. Returns its content's hash, and whether it held bytes before. */
async function receive(
  client: HubClient,
  { url, subject, file, signal, onProgress }: Download,
  partial: string,
): Promise<{ digest: string; resumed: boolean }> {
  let hash = contentHash(file);
  let position = 0;
  const handle = await open(partial, constants.O_RDWR | constants.O_CREAT);
  try {
    for await (const chunk of handle.createReadStream({
      start: 0,
      autoClose: false,
      highWaterMark: 2 ** 20,
    })) {
      signal?.throwIfAborted();
      hash.update(chunk);
      position += chunk.length;
    }
    const resumed = position > 0;
    let furthest = position;
    onProgress?.(position, file.size);

    const append = async ({ start, chunks }: HubAnswer): Promise<void> => {
      if (start !== position) {
        if (start !== 0) throw new HubError(`The server sent another part of ${subject.file} than asked.`);
        hash = contentHash(file); // a server without ranges: the same bytes again
        position = 0;
      }
      for await (const chunk of chunks) {
        if (position + chunk.length > file.size) {
          await rm(partial, { force: true });
          throw new HubError(
            `${subject.file} of "${subject.repo}" is longer than the ${file.size} bytes listed.`,
          );
        }
        await writeFully(handle, chunk, position);
        hash.update(chunk);
        position += chunk.length;
        furthest = Math.max(furthest, position);
        onProgress?.(position, file.size);
      }
      if (position < file.size) throw networkError(new URL(url).host, undefined);
    };

    if (position < file.size) {
      const headers = (): Record<string, string> => (position > 0 ? { range: `bytes=${position}-` } : {});
      await client.send({ url, subject, signal, headers, progress: () => furthest }, append);
    }
    return { digest: hash.digest("hex"), resumed };
  } finally {
    await handle.close();
  }
}

/** LFS names a file by the sha256 of its content, git by the sha1 of `blob <size>`, a zero byte and the content. */
export function contentHash({ etag, size }: HubFile): Hash {
  return etag.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

async function takeOverPartial(blob: string, partial: string): Promise<void> {
  if ((await sizeOf(partial)) !== undefined) return;
  for (const name of await readdir(dirname(blob))) {
    const pid = /^\.lsg-(\d+)\.incomplete$/.exec(name.slice(basename(blob).length))?.[1];
    if (pid === undefined || !name.startsWith(basename(blob)) || (await isRunning(Number(pid)))) continue;
    // Gone already: another process has taken it over, and there may be a second one.
    if (await unlessMissing(rename(join(dirname(blob), name), partial))) return;
  }
  await unlessMissing(copyFile(`${blob}.incomplete`, partial, constants.COPYFILE_FICLONE));
}

/** Milliseconds after which nobody writes to a partial file any more: Python gives up sooner. */
const STALE_AFTER = 10 * 60_000;

async function removeStalePartial(path: string): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (info !== undefined && Date.now() - info.mtimeMs > STALE_AFTER) await rm(path, { force: true });
}

async function unlessMissing(action: Promise<void>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw error;
  }
}

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
