import { lstat, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/** Links after which a path is taken to go round in circles, as Linux has it. */
const MAX_LINKS = 40;

/** Where a path that may not exist yet would lie, links followed. */
export async function realPlace(path: string, links = 0): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch {
    const parent = dirname(absolute);
    if (parent === absolute) return absolute;
    const target = await readlink(absolute).catch(() => undefined);
    if (target === undefined || links === MAX_LINKS)
      return join(await realPlace(parent, links), basename(absolute));
    return realPlace(resolve(dirname(absolute), target), links + 1);
  }
}

/** The link on the way to a path, or at its end, that points to nothing. */
export async function danglingLink(path: string): Promise<string | undefined> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const info = await lstat(at).catch(() => undefined);
    if (info?.isSymbolicLink() && !(await stat(at).catch(() => undefined))) return at;
    if (info || at === dirname(at)) return undefined;
  }
}
