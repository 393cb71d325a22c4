import type { FileHandle } from "node:fs/promises";
import { damaged } from "./faults.js";

/**
 * The bytes `[begin, end)` of a file.
 * @throws PickleError if the file ends before `end`.
 */
export async function readBytes(file: FileHandle, begin: number, end: number): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.alloc(end - begin);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, begin + filled);
    if (bytesRead === 0) throw damaged(`the file ends at byte ${begin + filled}, before byte ${end}`);
    filled += bytesRead;
  }
  return bytes;
}
