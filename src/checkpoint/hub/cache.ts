import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { getRepoFolderName } from "@huggingface/hub";
import { systemErrorCode } from "../../base/errors.js";
import { isCommit } from "./reference.js";

/**
 * One repository in the cache that Python's `huggingface_hub` shares:
 * `blobs/<etag>`, `snapshots/<commit>/<path>` linking to them, and `refs/<revision>` holding a commit.
 */
export interface RepoCache {
  blob(etag: string): string;
  /** The snapshot's folder, or a file in it. */
  snapshot(commit: string, path?: string): string;
  /** The commit that a branch or tag was last seen at. */
  readRef(revision: string): Promise<string | undefined>;
  /** Does nothing where the cache may not be written to: what it holds can be read all the same. */
  writeRef(revision: string, commit: string): Promise<void>;
  /** Makes `path` of the snapshot an entry for the blob. */
  linkBlob(etag: string, commit: string, path: string): Promise<void>;
}

export function openRepoCache(cache: string, repo: string): RepoCache {
  const folder = join(cache, getRepoFolderName({ type: "model", name: repo }));
  const blob = (etag: string) => join(folder, "blobs", etag);
  const snapshot = (commit: string, path = "") => join(folder, "snapshots", commit, ...path.split("/"));
  const ref = (revision: string) => join(folder, "refs", ...revision.split("/"));

  async function readRef(revision: string): Promise<string | undefined> {
    const commit = (await readFile(ref(revision), "utf8").catch(() => "")).trim();
    return isCommit(commit) ? commit : undefined;
  }

  async function writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await readRef(revision)) === commit) return;
    try {
      await mkdir(dirname(ref(revision)), { recursive: true });
      await writeFile(ref(revision), commit);
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
    }
  }

  async function linkBlob(etag: string, commit: string, path: string): Promise<void> {
    const entry = snapshot(commit, path);
    // Made beside the blobs and renamed: readers see no half-copied file, and a dead link is replaced.
    const temporary = `${blob(etag)}.${randomUUID()}.entry`;
    await mkdir(dirname(entry), { recursive: true });
    try {
      await symlink(relative(dirname(entry), blob(etag)), temporary);
    } catch {
      await copyFile(blob(etag), temporary); // Windows without developer mode, and some mounted volumes
    }
    await rename(temporary, entry);
  }

  return { blob, snapshot, readRef, writeRef, linkBlob };
}

/** Bytes of a file that is there, links followed. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (info) => info.size,
    () => undefined,
  );
}
