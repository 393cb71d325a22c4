import { readFile, realpath, rename, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { systemErrorCode } from "../base/errors.js";

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

/** `OVERLAYFS_SUPER_MAGIC`, the file system of containers. */
const OVERLAY = 0x794c7630;

/**
 * Whether a folder cannot be renamed, since it is of a container's image: asked by a rename that cannot succeed, onto a
 * folder that is not empty.
 * @param occupied such a folder beside it
 */
export async function isOfAnImage(path: string, occupied: string): Promise<boolean> {
  if ((await statfs(path)).type !== OVERLAY) return false;
  return rename(path, occupied).then(
    () => false,
    (error: unknown) => systemErrorCode(error) === "EXDEV",
  );
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
