import { createHash } from "node:crypto";
import { LsgError } from "../base/errors.js";
import type { FileHashes } from "../checkpoint/source-hashes.js";
import { isRead } from "../plan/side-files.js";

/** A folder that is no longer what was proven. */
export class ChangedFolderError extends LsgError {
  override readonly exitCode = 1;

  constructor(what: string) {
    super(
      `nothing was pushed: ${what} while it was being proven, or since`,
      "Run it again once nothing else writes into the folder.",
    );
  }
}

/** @throws ChangedFolderError if a folder's files are not those that were sealed */
export function requireSameFiles(paths: readonly string[], sealed: FileHashes): void {
  const read = new Set(paths.filter(isRead));
  const added = [...read].find((path) => !Object.hasOwn(sealed, path));
  if (added !== undefined) throw new ChangedFolderError(`${added} was added`);
  const gone = Object.keys(sealed).find((path) => !read.has(path));
  if (gone !== undefined) throw new ChangedFolderError(`${gone} was removed`);
}

/** @throws ChangedFolderError if a file has another content than was sealed */
export function requireSealed(path: string, found: string, sealed: FileHashes | undefined): void {
  if (!sealed || !isRead(path) || sealed[path] === found) return;
  throw new ChangedFolderError(
    `${path} was changed (its sha256 is ${found}, expected ${sealed[path] ?? "none"})`,
  );
}

/**
 * Holds a commit against what was proven, at the last moment: its body has the files themselves, or the SHA-256 by which
 * the storage knows those that were sent before.
 * @param body lines of JSON, as the Hub takes a commit
 * @throws ChangedFolderError if one of them is another
 */
export function requireSealedCommit(body: string, sealed: FileHashes): void {
  for (const line of body.split("\n")) {
    const { key, value } = JSON.parse(line) as CommitLine;
    if (key === "lfsFile") requireSealed(value.path, value.oid, sealed);
    if (key !== "file") continue;
    const content = Buffer.from(value.content, value.encoding === "base64" ? "base64" : "utf8");
    requireSealed(value.path, createHash("sha256").update(content).digest("hex"), sealed);
  }
}

/** What @huggingface/hub writes; other keys hold no content. */
type CommitLine =
  | { readonly key: "lfsFile"; readonly value: { readonly path: string; readonly oid: string } }
  | {
      readonly key: "file";
      readonly value: { readonly path: string; readonly content: string; readonly encoding?: string };
    }
  | { readonly key: "header" | "deletedFile"; readonly value: unknown };
