import { listFiles, modelInfo } from "@huggingface/hub";
import { z } from "zod";
import { HubError } from "../../base/errors.js";
import type { FileInfo } from "../file-source.js";
import type { HubClient } from "./client.js";
import { type HubSubject, malformedAnswer } from "./errors.js";
import { libraryFetch } from "./library-fetch.js";
import { isCommit, isPathInside } from "./reference.js";

export interface HubFile extends FileInfo {
  /** Its blob's name in the cache, and its content's hash: sha256 for LFS files, git's sha1 for others. */
  readonly etag: string;
}

/** Files of one repository; no model comes near, and a listing without an end must not fill the memory. */
const MAX_REPO_FILES = 100_000;

const SizeSchema = z.int().nonnegative();
const EntrySchema = z.object({
  path: z.string(),
  size: SizeSchema,
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: SizeSchema }).nullish(),
});

/** The commit that a branch or tag points to; a commit's 40 hex digits stand for themselves. */
export async function resolveCommit(
  client: HubClient,
  subject: HubSubject,
  signal?: AbortSignal,
): Promise<string> {
  if (isCommit(subject.revision)) return subject.revision;
  const info = await understood(client, () =>
    modelInfo({
      name: subject.repo,
      revision: subject.revision,
      additionalFields: ["sha"],
      hubUrl: client.environment.endpoint,
      fetch: libraryFetch(client, () => ({ subject, signal })),
    }),
  );
  if (typeof info.sha === "string" && isCommit(info.sha)) return info.sha;
  throw malformedAnswer(client.environment.endpoint, "it names no commit");
}

/** Every file of a repository at a commit. @throws HubError also for a path that leads out of the repository. */
export async function listRepo(
  client: HubClient,
  subject: HubSubject,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, HubFile>> {
  return understood(client, async () => {
    const files = new Map<string, HubFile>();
    const entries = listFiles({
      repo: { type: "model", name: subject.repo },
      revision: subject.revision,
      recursive: true,
      hubUrl: client.environment.endpoint,
      fetch: libraryFetch(client, () => ({ subject, signal })),
    });
    for await (const item of entries) {
      if (item.type !== "file") continue;
      const { path, size, oid, lfs } = EntrySchema.parse(item);
      if (!isPathInside(path)) {
        throw new HubError(
          `"${subject.repo}" lists the file ${JSON.stringify(path)}, which would lie outside the model's folder.`,
          "Don't use this repository, or ask its owner to rename the file.",
        );
      }
      files.set(path, lfs ? { size: lfs.size, etag: lfs.oid } : { size, etag: oid });
      if (files.size > MAX_REPO_FILES) {
        throw new HubError(`"${subject.repo}" lists more than ${MAX_REPO_FILES} files.`);
      }
    }
    return files;
  });
}

/** The URL that a file's bytes come from, perhaps by redirects. */
export function resolveUrl(endpoint: string, repo: string, commit: string, path: string): string {
  return `${endpoint}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** Whatever the library or a schema stumbles over is an answer that is not the Hub's. */
export async function understood<T>(client: HubClient, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw malformedAnswer(client.environment.endpoint, "the answer is not JSON", error);
    }
    if (error instanceof TypeError || error instanceof z.ZodError) {
      throw malformedAnswer(client.environment.endpoint, "the answer lacks what it should hold", error);
    }
    throw error;
  }
}
