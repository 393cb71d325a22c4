import { writeFile } from "node:fs/promises";
import { asOutputError } from "../write/output-folder.js";

/**
 * Fails where a report could not be written, without changing one that is there: better at once than after hours.
 * @throws OutputError
 */
export async function tryReport(path: string): Promise<void> {
  await write(path, "", "a");
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
