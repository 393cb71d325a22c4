import { lstat, unlink, writeFile } from "node:fs/promises";
import { realPlace } from "../checkpoint/interrupted/real-place.js";
import { asOutputError } from "../write/output-errors.js";

/**
 * Fails where a report could not be written, and changes nothing: better at once than after hours.
 * @throws OutputError
 */
export async function tryReport(path: string): Promise<void> {
  const place = await realPlace(path);
  const before = await lstat(place).catch(() => undefined);
  // Opening a pipe would wait for its reader, and tell it that this was all.
  if (before && !before.isFile() && !before.isDirectory()) return;
  await write(path, "", "a");
  if (before === undefined) await unlink(place);
}

/** @throws OutputError */
export async function writeReport(path: string, content: string | Uint8Array): Promise<void> {
  await write(path, content, "w");
}

async function write(path: string, content: string | Uint8Array, flag: "a" | "w"): Promise<void> {
  await writeFile(path, content, { flag }).catch((error: unknown) => {
    throw asOutputError(error, path);
  });
}
