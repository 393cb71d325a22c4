import { lstat, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "../../base/errors.js";
import { isRecord } from "../../json/json-edit.js";
import { isAlive, type Owner, self } from "./owner.js";

/** Marks a folder as unfinished and names its owner. A folder without it is the user's, whatever its name. */
export const MARK_FILE = ".lsg-partial";

export interface Mark extends Owner {
  /** Tells the folders of two runs apart. */
  readonly id: string;
  /** What is being written: its name beside the marked folder; empty for what the marked folder lies in. */
  readonly target: string;
  /** Of a folder that is filled: there was nothing in it before, so that nothing whole can come back. */
  readonly fills?: boolean | undefined;
  /** The inode of the folder that the mark was made for: a copy, or one that came in an archive, says nothing. */
  readonly folder: string;
}

const MAX_BYTES = 4096;

/** How often a process says that it is still there, to those on other machines. */
const BEAT_MS = 5000;

/** After which one on another machine, or in another container, is taken to have left a target. */
export const SILENCE_MS = 30_000;

/** Marks a folder as this process's. @returns what ends the sign of life that it gives from now on */
export async function mark(
  folder: string,
  about: Pick<Mark, "id" | "target" | "fills">,
): Promise<() => void> {
  const path = join(folder, MARK_FILE);
  const content: Mark = { ...about, folder: await inodeOf(folder), ...(await self()) };
  await writeFile(path, JSON.stringify(content), { flag: "wx" }).catch(async (error: unknown) => {
    // A disk that is full leaves a torn one.
    if (systemErrorCode(error) !== "EEXIST") await rm(path, { force: true });
    throw error;
  });
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, BEAT_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The mark of a folder that is really marked; no link is followed. */
export async function readMark(folder: string): Promise<Mark | undefined> {
  const path = join(folder, MARK_FILE);
  const [place, file] = await Promise.all([folder, path].map((entry) => lstat(entry).catch(() => undefined)));
  if (!place?.isDirectory() || !file?.isFile() || file.size > MAX_BYTES) return undefined;
  const content = await readFile(path, "utf8")
    .then(JSON.parse)
    .catch(() => undefined);
  const inode = await inodeOf(folder).catch(() => undefined);
  return isMark(content) && content.folder === inode ? content : undefined;
}

/** Whether the mark of a folder was being written when its owner was killed. */
export async function isMarkTorn(folder: string): Promise<boolean> {
  const path = join(folder, MARK_FILE);
  const file = await lstat(path).catch(() => undefined);
  if (!file?.isFile() || file.size > MAX_BYTES) return false;
  return !isRecord(
    await readFile(path, "utf8")
      .then(JSON.parse)
      .catch(() => undefined),
  );
}

/**
 * Whether the process that marked a folder has ended.
 * @param silence milliseconds without a sign of life after which it counts as ended where it cannot be looked up
 */
export async function isAbandoned(folder: string, owner: Mark, silence = SILENCE_MS): Promise<boolean> {
  const alive = await isAlive(owner);
  if (alive !== undefined) return !alive;
  const file = await stat(join(folder, MARK_FILE)).catch(() => undefined);
  return file !== undefined && Date.now() - file.mtimeMs > silence;
}

/** What tells a file or folder from another one that has its name, wherever it is moved to on its disk. */
export async function inodeOf(path: string): Promise<string> {
  return String((await lstat(path, { bigint: true })).ino);
}

function isMark(value: unknown): value is Mark {
  return (
    isRecord(value) &&
    ["id", "target", "folder", "host", "boot", "namespace", "started"].every(
      (key) => typeof value[key] === "string",
    ) &&
    typeof value.pid === "number"
  );
}
