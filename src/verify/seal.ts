import type { FileSource } from "../checkpoint/file-source.js";
import { type FileHashes, hashesOf } from "../checkpoint/source-hashes.js";
import { isRead } from "../plan/side-files.js";

/**
 * The SHA-256 of every file of a folder that a verification looks at, by path. Taken before one and held against what is
 * done with the folder after it, it says whether that is what was proven.
 */
export function seal(folder: FileSource, signal?: AbortSignal): Promise<FileHashes> {
  return hashesOf(folder, [...folder.files.keys()].filter(isRead).sort(), signal);
}
