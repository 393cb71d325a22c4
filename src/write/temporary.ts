import { lstat, mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { isAbandoned, mark, readMark } from "../checkpoint/interrupted/mark.js";
import { isRunning } from "../checkpoint/interrupted/owner.js";

/** The name of a temporary folder: what it is for, and the machine and process that made it. */
const TEMPORARY = /^lsg-(?:verify|profile)-(?<host>.+)-(?<pid>\d+)-\w{6}$/;

/** After which one of another machine is nobody's: running a model may leave no time for signs of life. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** What ends a folder's signs of life. */
const endings = new Map<string, () => void>();

/** Makes a marked temporary folder, after removing those of processes that have ended. */
export async function makeTemporary(parent: string, purpose: "verify" | "profile"): Promise<string> {
  await removeTemporaries(parent);
  const folder = await mkdtemp(join(parent, `lsg-${purpose}-${hostname()}-${process.pid}-`));
  const name = basename(folder);
  endings.set(folder, await mark(folder, { id: name, target: name }));
  return folder;
}

/** Removes a temporary folder of this process. */
export async function removeTemporary(folder: string): Promise<void> {
  endings.get(folder)?.();
  endings.delete(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes the temporary folders of processes that have ended. Other machines, or containers, may share the parent. */
export async function removeTemporaries(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch((): string[] => [])) {
    const { host, pid } = TEMPORARY.exec(name)?.groups ?? {};
    if (host === undefined) continue;
    const folder = join(parent, name);
    const owner = await readMark(folder);
    if (owner?.id === name && (await isAbandoned(folder, owner, ABANDONED_MS))) {
      // Another user's cannot be removed, and does no harm.
      await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
    } else if (owner === undefined && host === hostname() && !(await isRunning(Number(pid)))) {
      // One whose process was killed before it had marked it is empty: this fails where there is anything in it.
      if ((await lstat(folder).catch(() => undefined))?.isDirectory()) await rmdir(folder).catch(() => {});
    }
  }
}
