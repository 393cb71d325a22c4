import { stat } from "node:fs/promises";
import { HubError, systemErrorCode, whyOfSystemError } from "../../base/errors.js";
import type { FileSource, TransferOptions } from "../file-source.js";
import {
  endsTooEarly,
  openFolder,
  readFileRange,
  readWholeFile,
  refuseLargeRead,
  requireFile,
} from "../folder.js";
import { watched } from "../watch.js";
import { type HubFile, listRepo, resolveCommit, resolveUrl } from "./api.js";
import { openRepoCache, type RepoCache, sizeOf } from "./cache.js";
import { type ClientOptions, collect, createHubClient, type HubAnswer, type HubClient } from "./client.js";
import { downloadBlob } from "./download.js";
import { type HubEnvironment, readHubEnvironment } from "./environment.js";
import { HubUnreachableError, networkError } from "./errors.js";
import { isCommit, parseHubReference, requireRevision } from "./reference.js";

export interface HubOptions extends ClientOptions {
  /** Branch, tag or commit; what the reference itself names must not differ. Default `main`. */
  readonly revision?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: read from the process's environment. */
  readonly environment?: HubEnvironment | undefined;
}

/**
 * Opens a model repository on the Hub at the commit that its revision points to now. Only the list of files is
 * fetched here; without the server, or with HF_HUB_OFFLINE, the cache's last snapshot of the revision is opened.
 * @param reference `org/name`, `hf://org/name@revision` …
 * @throws HubError if the repository cannot be read.
 */
export async function openHub(reference: string, options: HubOptions = {}): Promise<FileSource> {
  const { repo, revision } = chooseRevision(reference, options.revision);
  const environment = options.environment ?? (await readHubEnvironment());
  const cache = openRepoCache(environment.cache, repo);
  if (environment.offline) {
    const cached = await openSnapshot(cache, repo, revision, "HF_HUB_OFFLINE is set.", options.onNotice);
    if (cached !== undefined) return cached;
    throw new HubError(
      `HF_HUB_OFFLINE is set, and the cache holds no files of "${repo}" at revision "${revision}".`,
      "Unset HF_HUB_OFFLINE to download it, or point HF_HUB_CACHE at the cache that holds it.",
    );
  }
  const client = createHubClient(environment, options);
  try {
    const mayBeFolder = !reference.startsWith("hf://");
    const commit = await resolveCommit(client, { repo, revision, mayBeFolder }, options.signal);
    const files = await listRepo(client, { repo, revision: commit, mayBeFolder }, options.signal);
    return remoteSource({ client, cache, repo, revision, commit, files, signal: options.signal });
  } catch (error) {
    if (!(error instanceof HubUnreachableError)) throw error;
    const cached = await openSnapshot(cache, repo, revision, error.message, options.onNotice);
    if (cached !== undefined) return cached;
    throw error;
  }
}

function chooseRevision(reference: string, option: string | undefined): { repo: string; revision: string } {
  const { repo, revision } = parseHubReference(reference);
  if (option !== undefined && revision !== undefined && option !== revision) {
    throw new HubError(
      `"${reference}" names the revision "${revision}", --revision another: "${option}".`,
      "Give one of them.",
    );
  }
  return { repo, revision: requireRevision(option ?? revision ?? "main") };
}

/** The cached snapshot of a revision: a folder like any other, which may lack files never asked for. */
async function openSnapshot(
  cache: RepoCache,
  repo: string,
  revision: string,
  reason: string,
  onNotice: ClientOptions["onNotice"],
): Promise<FileSource | undefined> {
  const commit = isCommit(revision) ? revision : await cache.readRef(revision);
  if (commit === undefined) return undefined;
  const folder = cache.snapshot(commit);
  const isThere = await stat(folder).then(
    (info) => info.isDirectory(),
    () => false,
  );
  if (!isThere) return undefined;
  const source = await watched(await openFolder(folder));
  onNotice?.(
    `Using what the cache holds of "${repo}" at ${revision === commit ? "" : `${revision}, commit `}${commit}. ${reason}`,
  );
  return { ...source, name: repo, origin: { kind: "hub", repo, revision: commit } };
}

interface Remote {
  readonly client: HubClient;
  readonly cache: RepoCache;
  readonly repo: string;
  readonly revision: string;
  readonly commit: string;
  readonly files: ReadonlyMap<string, HubFile>;
  readonly signal: AbortSignal | undefined;
}

function remoteSource({ client, cache, repo, revision, commit, files, signal }: Remote): FileSource {
  const subject = (file: string) => ({ repo, revision: commit, file });
  const urlOf = (file: string) => resolveUrl(client.environment.endpoint, repo, commit, file);

  /** The snapshot's entry, unless it is missing or cut short. */
  async function cachedPath(path: string, { size }: HubFile): Promise<string | undefined> {
    const entry = cache.snapshot(commit, path);
    return (await sizeOf(entry)) === size ? entry : undefined;
  }

  async function localPath(path: string, options: TransferOptions = {}): Promise<string> {
    const file = requireFile(repo, files, path);
    return intoCache(path, async () => {
      if ((await cachedPath(path, file)) === undefined) {
        const blob = cache.blob(file.etag);
        if ((await sizeOf(blob)) !== file.size) {
          const transfer = { signal: options.signal ?? signal, onProgress: options.onProgress };
          await downloadBlob(client, { url: urlOf(path), subject: subject(path), file, blob, ...transfer });
        }
        await cache.linkBlob(file.etag, commit, path);
      }
      await cache.writeRef(revision, commit); // only now: an older snapshot may be all there is offline
      return cache.snapshot(commit, path);
    });
  }

  async function readRange(path: string, start: number, end: number): Promise<Buffer> {
    const file = requireFile(repo, files, path);
    if (end > file.size) throw endsTooEarly(path, file.size, end);
    const cached = await cachedPath(path, file);
    if (cached !== undefined || start === end) {
      return cached === undefined ? Buffer.alloc(0) : readFileRange(cached, path, start, end);
    }
    const request = {
      url: urlOf(path),
      subject: subject(path),
      headers: () => ({ range: `bytes=${start}-${end - 1}` }),
      signal,
    };
    return client.send(request, async (answer) => {
      const bytes = await collect(cutOut(answer, start, end), end - start);
      if (bytes.length < end - start) throw networkError(new URL(request.url).host, undefined);
      return bytes;
    });
  }

  async function read(path: string): Promise<Buffer> {
    refuseLargeRead(path, requireFile(repo, files, path).size);
    return readWholeFile(await localPath(path), path);
  }

  return { name: repo, origin: { kind: "hub", repo, revision: commit }, files, readRange, read, localPath };
}

/** The bytes `[start, end)` of a file; a server without ranges sends it from its beginning. */
async function* cutOut(answer: HubAnswer, start: number, end: number): AsyncGenerator<Uint8Array> {
  let position = answer.start;
  if (position > start)
    throw new HubError(`The server sent the bytes from ${position} on, not from ${start}.`);
  for await (const chunk of answer.chunks) {
    yield chunk.subarray(Math.max(0, start - position), Math.max(0, end - position));
    position += chunk.length;
    if (position >= end) return;
  }
}

/** @throws HubError in place of the system's own when the cache cannot take a file. */
async function intoCache<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new HubError(
      `Cannot put ${path} into the Hub cache: ${whyOfSystemError(code)}.`,
      "Set HF_HUB_CACHE to a folder with enough space that you may write to; what is there is kept.",
      { cause: error },
    );
  }
}
