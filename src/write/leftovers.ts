import { mkdtemp, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../errors.js";
import { PARTIAL, REPLACED, restoreReplaced } from "./output-folder.js";

/**
 * Puts right what a killed run left of a target: an old folder is put back, or goes where the new one is in place; what
 * was half written goes, unless the process that its name tells may still be writing it.
 * @param isOurs whether a process is one that is known not to write this target
 * @returns the folders of living processes, by process
 */
export async function removeLeftovers(
  target: string,
  isOurs: (pid: number) => boolean,
): Promise<ReadonlyMap<number, string>> {
  await restoreReplaced(target);
  const parent = dirname(target);
  const names = await readdir(parent).catch((): string[] => []);
  const living = new Map<number, string>();
  for (const name of names.filter((entry) => entry.startsWith(basename(target)))) {
    const ending = name.slice(basename(target).length);
    const pid = Number(
      ending.startsWith(PARTIAL) && /^\d+(?=-[0-9a-f]{8}$)/.exec(ending.slice(PARTIAL.length)),
    );
    const isPartial = pid > 0;
    const isReplaced = ending.startsWith(REPLACED) && names.includes(basename(target));
    if (isPartial && isAlive(pid) && !isOurs(pid)) living.set(pid, join(parent, name));
    else if (isPartial || isReplaced) await rm(join(parent, name), { recursive: true, force: true });
  }
  return living;
}

/** In the name of a temporary folder, with the process that made it. */
const TEMPORARY = /^lsg-[a-z]+-(\d+)-\w{6}$/;

/** Makes a temporary folder whose name tells whose it is. */
export function makeTemporary(parent: string, purpose: "verify" | "profile"): Promise<string> {
  return mkdtemp(join(parent, `lsg-${purpose}-${process.pid}-`));
}

/** Removes the temporary folders of processes that are no more. */
export async function removeTemporaries(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch((): string[] => [])) {
    const pid = Number(TEMPORARY.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Whether there is a process of this number; it may be another one by now. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
