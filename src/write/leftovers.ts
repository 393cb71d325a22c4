import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../base/errors.js";
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

/** The name of a temporary folder: what it is for, and the machine and process that made it. */
const TEMPORARY = /^lsg-(?:verify|profile)-(?<host>.+)-(?<pid>\d+)-\w{6}$/;

/** After which a folder of another machine, whose processes cannot be looked at, is nobody's any more. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** Makes a temporary folder whose name tells whose it is. */
export function makeTemporary(parent: string, purpose: "verify" | "profile"): Promise<string> {
  return mkdtemp(join(parent, `lsg-${purpose}-${hostname()}-${process.pid}-`));
}

/** Removes the temporary folders of processes that are no more. Other machines, or containers, may share the parent. */
export async function removeTemporaries(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch((): string[] => [])) {
    const { host, pid } = TEMPORARY.exec(name)?.groups ?? {};
    if (host === undefined) continue;
    const path = join(parent, name);
    const isInUse = host === hostname() ? isAlive(Number(pid)) : !(await isOld(path));
    if (!isInUse) await rm(path, { recursive: true, force: true });
  }
}

async function isOld(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > ABANDONED_MS;
}

/** Whether there is a process of this number; it may be another one by now. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
