import { createHash } from "node:crypto";

/** A repository: its commits (path → content) and the branches and tags that point to them. */
export interface HubRepo {
  readonly commits: Readonly<Record<string, Readonly<Record<string, Buffer | string>>>>;
  readonly refs: Readonly<Record<string, string>>;
  /** Only accounts that accepted its terms may read its files. */
  readonly gated?: boolean;
  readonly private?: boolean;
}

/** A repository while the server runs: pushes add commits and move branches. */
export interface StoredRepo extends HubRepo {
  readonly commits: Record<string, Readonly<Record<string, Buffer | string>>>;
  readonly refs: Record<string, string>;
}

/** Git LFS holds what has this name or is larger; the Hub decides alike. */
const LFS_NAMES = /\.(?:safetensors|bin|onnx|onnx_data|h5|model)$/;
const MAX_GIT_FILE_SIZE = 10 * 2 ** 20;

export const sha256 = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");

/** The hash by which git names a file's content. */
export function gitBlobHash(content: Buffer | string): string {
  const bytes = Buffer.from(content);
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** A folder as the tree endpoint lists it. */
export function treeFolder(path: string) {
  return { type: "directory", oid: gitBlobHash(path), size: 0, path };
}

/** A file as the tree and paths-info endpoints list it. */
export function treeFile(path: string, content: Buffer | string) {
  const bytes = Buffer.from(content);
  const entry = { type: "file", oid: gitBlobHash(bytes), size: bytes.length, path };
  if (!isLfs(path, bytes)) return entry;
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(bytes)}\nsize ${bytes.length}\n`;
  return {
    ...entry,
    oid: gitBlobHash(pointer),
    lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: pointer.length },
  };
}

export function isLfs(path: string, content: { readonly length: number }): boolean {
  return LFS_NAMES.test(path) || content.length > MAX_GIT_FILE_SIZE;
}
