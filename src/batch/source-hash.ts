import { createHash } from "node:crypto";
import type { FileSource } from "../checkpoint/file-source.js";
import { hashFile } from "../checkpoint/hash-file.js";
import { ownWeights, readForSorting, sortFiles } from "../checkpoint/left-out.js";

/**
 * What a conversion reads of a source, as one SHA-256: that of the lines which `sha256sum FILE…` prints for its weights
 * and small files, in the order of their paths. Other formats' weights and exports don't count.
 */
export async function sourceHash(source: FileSource, signal?: AbortSignal): Promise<string> {
  const files = await readForSorting(source);
  const paths = [...new Set([...sortFiles(files).kept, ...ownWeights(files)])].sort();
  const lines = createHash("sha256");
  for (const path of paths) {
    const hash = createHash("sha256");
    await hashFile(await source.localPath(path), hash, { signal });
    lines.update(`${hash.digest("hex")}  ${path}\n`);
  }
  return lines.digest("hex");
}
