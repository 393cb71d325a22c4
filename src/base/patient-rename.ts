import { rename } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "./errors.js";

/** What Windows says of a file that a virus scanner, an indexer or another program has open for a moment. */
const PASSING = ["EPERM", "EBUSY", "EACCES"];

/** Pauses between attempts, in milliseconds: some six seconds in all. */
const PAUSES = [20, 50, 100, 200, 400, 800, 1500, 3000];

export type Rename = (from: string, to: string) => Promise<void>;

/**
 * Renames, again for some seconds where something may be in the way that passes.
 * @param once what renames; another one in tests
 */
export async function renamePatiently(from: string, to: string, once: Rename = rename): Promise<void> {
  for (const pause of PAUSES) {
    try {
      return await once(from, to);
    } catch (error) {
      if (!PASSING.includes(systemErrorCode(error) ?? "")) throw error;
    }
    await sleep(pause);
  }
  return once(from, to);
}
