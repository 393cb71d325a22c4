import {
  type CommitOutput,
  type CommitProgressEvent,
  commitIter,
  HubApiError,
  InvalidApiResponseFormatError,
} from "@huggingface/hub";
import { HubError, systemErrorCode } from "../base/errors.js";
import type { Progress } from "../base/progress.js";
import { understood } from "../checkpoint/hub/api.js";
import type { HubClient } from "../checkpoint/hub/client.js";
import { malformedAnswer, saidByServer } from "../checkpoint/hub/errors.js";
import { type LibraryRequest, libraryFetch, STAND_IN } from "../checkpoint/hub/library-fetch.js";
import { explainPush, RUN_AGAIN } from "./errors.js";
import { openUnchanged, type PushedFile } from "./files.js";
import type { Repository } from "./repository.js";

export interface Upload {
  readonly repository: Repository;
  readonly files: readonly PushedFile[];
  /** Paths to be deleted in the same commit. */
  readonly deleted: readonly string[];
  readonly title: string;
  /** Propose the commit instead of making it. */
  readonly createPr: boolean;
}

export interface Uploaded {
  /** The commit's 40 hex digits. */
  readonly commit: string;
  readonly pullRequest: string | undefined;
  /** Large files whose content the Hub had already, from an upload that was interrupted or from another model. */
  readonly present: readonly string[];
}

/**
 * Uploads files and makes one commit of them: until that is made, the repository is what it was. Large files go to
 * the Hub's LFS storage; what is there is not sent again.
 *
 * The Hub's newer protocol, Xet, stays off: LFS is taken from every client, needs no second kind of token and no
 * memory beyond a few chunks.
 * @throws HubError for whatever goes wrong.
 */
export async function upload(
  client: HubClient,
  { repository, files, deleted, title, createPr }: Upload,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Uploaded> {
  const { endpoint } = client.environment;
  const meter = createMeter(files, progress);
  const request: LibraryRequest = {
    subject: { repo: repository.id, revision: "main" },
    explain: explainPush,
    onSent: meter.onSent,
  };
  const added = files.map(async ({ path, content }) => ({
    operation: "addOrUpdate" as const,
    path,
    content: Buffer.isBuffer(content)
      ? new Blob([new Uint8Array(content)])
      : await openUnchanged(content, path),
  }));
  const iterator = commitIter({
    repo: { type: "model", name: repository.id },
    operations: [
      ...(await Promise.all(added)),
      ...deleted.map((path) => ({ operation: "delete" as const, path })),
    ],
    title,
    isPullRequest: createPr,
    ...(repository.commit !== undefined && { parentCommit: repository.commit }),
    useXet: false,
    hubUrl: endpoint,
    // Once sent, a commit is waited for: whether it was made would not be known otherwise.
    fetch: libraryFetch(client, (url) =>
      isCommitUrl(url) ? { ...request, once: true } : { ...request, signal },
    ),
    ...(signal && { abortSignal: signal }),
    ...STAND_IN,
  });
  try {
    const output = await understood(client, () => exhaust(iterator, meter.onEvent));
    if (typeof output?.commit?.oid !== "string") {
      throw malformedAnswer(endpoint, "it does not say which commit it made");
    }
    return { commit: output.commit.oid, pullRequest: output.pullRequestUrl, present: meter.present };
  } catch (error) {
    signal?.throwIfAborted();
    throw asHubError(client, error);
  } finally {
    meter.done();
  }
}

function isCommitUrl(url: string): boolean {
  return /\/api\/models\/.+\/commit\/[^/]+$/.test(new URL(url).pathname);
}

async function exhaust(
  iterator: AsyncGenerator<CommitProgressEvent, CommitOutput | undefined>,
  onEvent: (event: CommitProgressEvent) => void,
): Promise<CommitOutput | undefined> {
  for (;;) {
    const next = await iterator.next();
    if (next.done) return next.value;
    onEvent(next.value);
  }
}

/** What the library itself finds wrong with an answer, as ours; any other error as it is. */
function asHubError({ environment: { endpoint, token } }: HubClient, error: unknown): unknown {
  if (error instanceof HubError || !(error instanceof Error)) return error;
  const said = saidByServer(new Headers(), token, error.message);
  // The storage's opinion on one file (a quota, a size) comes inside a success.
  if (error instanceof HubApiError) {
    return new HubError(`${new URL(endpoint).host} does not take a file${said}.`, RUN_AGAIN, {
      cause: error,
    });
  }
  const isPlain = error instanceof InvalidApiResponseFormatError || error.constructor === Error;
  return isPlain && systemErrorCode(error) === undefined
    ? malformedAnswer(endpoint, said.replace(/^: /, ""), error)
    : error;
}

/** Turns the library's events and the bytes that leave into progress. */
function createMeter(files: readonly PushedFile[], progress: Progress) {
  const sizes = new Map(files.map(({ path, size }) => [path, size]));
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const hashed = new Map<string, number>();
  const sending = new Set<string>();
  const present: string[] = [];
  let shown: { title: string; bar: ReturnType<Progress["bytes"]> } | undefined;

  function advance(title: string, bytes: number) {
    if (shown?.title !== title) {
      shown?.bar.done();
      shown = { title, bar: progress.bytes(title, total) };
    }
    shown.bar.advance(bytes);
  }

  return {
    present,
    done: () => shown?.bar.done(),
    onSent(bytes: number, path: string | undefined) {
      if (path === undefined) return;
      sending.add(path);
      advance("Uploading", bytes);
    },
    onEvent(event: CommitProgressEvent) {
      if (event.event === "phase") return;
      const { path, state, progress: done } = event;
      const size = sizes.get(path) ?? 0;
      if (state === "hashing") {
        advance("Hashing", size * (done - (hashed.get(path) ?? 0)));
        hashed.set(path, done);
      } else if (state === "uploading" && done === 1 && !sending.has(path)) {
        present.push(path);
        advance("Uploading", size);
      }
    },
  };
}
