import { constants } from "node:fs";
import { chmod, copyFile, stat } from "node:fs/promises";

const OWNER_WRITES = 0o200;

/**
 * Copies a file by the file system, which shares the blocks of both where it can (Btrfs, XFS, APFS, ReFS). Links are
 * followed, and a copy can be written to where the original is read-only.
 * @returns its bytes
 */
export async function copyWhole(from: string, to: string): Promise<number> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const { mode, size } = await stat(to);
  if ((mode & OWNER_WRITES) === 0) await chmod(to, mode | OWNER_WRITES);
  return size;
}
