import { readFile, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Folders cannot be renamed onto such a place, nor from it. @param path of a folder, links followed */
export async function isMountPoint(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(dirname(path))]);
  // A folder of the same disk that is mounted there is told by Linux's list alone.
  return own.dev !== parent.dev || path === dirname(path) || (await mountPoints()).includes(path);
}

/** Whether files cannot be renamed from one folder into the other. @param inner a folder in `outer`, or a link there */
export async function isOnAnotherDisk(outer: string, inner: string): Promise<boolean> {
  const real = await realpath(inner).catch(() => undefined);
  if (real === undefined) return false;
  const [one, other] = await Promise.all([stat(outer), stat(real)]);
  return one.dev !== other.dev || (await mountPoints()).includes(real);
}

/** proc(5): the fifth field; spaces, tabs, line breaks and backslashes are written as three octal digits. */
async function mountPoints(): Promise<string[]> {
  const list = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return list
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((path) =>
      path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
}
