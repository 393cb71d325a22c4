import { constants } from "node:fs";
import { access, lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OutputError, systemErrorCode } from "../base/errors.js";
import { MARK_FILE, SILENCE_MS } from "../checkpoint/interrupted/mark.js";
import { type Living, putRight } from "../checkpoint/interrupted/put-right.js";
import { danglingLink, realPlace } from "../checkpoint/interrupted/real-place.js";
import { MAX_ADDED_BYTES } from "../checkpoint/interrupted/work-name.js";
import { isMountPoint } from "./mount-point.js";
import { asOutputError } from "./output-errors.js";

/** Where a folder is going to be, and how it gets there. */
export interface Target {
  /** Links followed. */
  readonly path: string;
  /**
   * The folder is renamed to its place from beside it; or its files are moved to the top of a folder that has to stay:
   * where a disk is mounted, or what is around it is not ours to change.
   */
  readonly way: "rename" | "fill";
}

/** Bytes that a file name may have at most. */
const MAX_NAME_BYTES = 255;

/** `PATH_MAX` with the zero at its end; Node writes longer paths on Windows by itself. */
const MAX_PATH_BYTES: Readonly<Partial<Record<NodeJS.Platform, number>>> = { linux: 4096, darwin: 1024 };

const POLL_MS = 1000;

/** What a file system has in its root from the beginning. */
export const LOST_AND_FOUND = "lost+found";

/** What makes a folder one that `--force` may replace: anything else is likely a mistyped path. */
const MODEL_FILES = ["config.json", "lsg_conversion.json"];

export interface TargetOptions {
  readonly force: boolean;
  /** Whether a disk is mounted in a folder; another answer in tests. */
  readonly isMounted?: ((path: string) => Promise<boolean>) | undefined;
  /** What this run has put into it. */
  readonly own?: readonly string[] | undefined;
}

/**
 * Finds out whether a folder can be written, once what killed runs left of it is put right.
 * @throws OutputError if not: before anything else is done, since the work may take hours
 */
export async function openTarget(target: string, options: TargetOptions): Promise<Target> {
  refuseName(target);
  try {
    const path = await realPlace(target);
    const living = await putRightPatiently(path);
    await refuseDanglingLink(target);
    const entries = await entriesOf(path);
    if (entries === undefined) {
      await access(await nearestFolder(path), constants.W_OK | constants.X_OK);
      return { path, way: "rename" };
    }
    return await openExisting(target, path, entries, living, options);
  } catch (error) {
    throw asOutputError(error, target);
  }
}

async function openExisting(
  target: string,
  path: string,
  entries: readonly string[],
  living: readonly Living[],
  { force, isMounted = isMountPoint, own = [] }: TargetOptions,
): Promise<Target> {
  const why = await whyToStay(path, isMounted);
  refuseLiving(target, path, living, own);
  const counted = entries.filter((name) => !own.includes(name) && !(why && name === LOST_AND_FOUND));
  if (counted.includes(MARK_FILE)) {
    throw new OutputError(
      `${target} is not whole: it holds ${MARK_FILE}, which was made for another folder`,
      "Remove the folder's contents yourself, or name another output.",
    );
  }
  await access(path, constants.W_OK | constants.X_OK);
  if (counted.length === 0) return { path, way: why ? "fill" : "rename" };
  if (why) {
    throw new OutputError(
      `${target} is not empty, and cannot be replaced as a whole: ${why}`,
      `Empty it, or name a folder in it: ${join(target, "model")}`,
    );
  }
  if (!force) throw new OutputError(`${target} exists`, "Add --force to replace it, or name another output.");
  if (!MODEL_FILES.some((name) => entries.includes(name))) {
    throw new OutputError(
      `${target} holds no model, so --force does not replace it`,
      "Name another output, or remove the folder yourself.",
    );
  }
  return { path, way: "rename" };
}

/**
 * Restores a target, after waiting for signs of life of a process on another machine that may be writing it: a
 * restarted container cannot see whether the previous container's process still runs.
 */
async function putRightPatiently(path: string): Promise<Living[]> {
  const deadline = Date.now() + SILENCE_MS + POLL_MS;
  for (;;) {
    const living = await putRight(path);
    const isDoubtful = living.some(({ folder, isHere }) => dirname(folder) === path && !isHere);
    if (!isDoubtful || Date.now() > deadline) return living;
    await sleep(POLL_MS);
  }
}

/** Why a folder can be filled, but not exchanged. */
async function whyToStay(
  path: string,
  isMounted: (path: string) => Promise<boolean>,
): Promise<string | undefined> {
  if (await isMounted(path)) return "a disk or a volume is mounted there";
  const here = process.cwd();
  if (here === path || here.startsWith(path + sep)) return "the current folder lies in it";
  const isParentOurs = await access(dirname(path), constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return isParentOurs ? undefined : `nothing can be written beside it, in ${dirname(path)}`;
}

function refuseLiving(target: string, path: string, living: readonly Living[], own: readonly string[]): void {
  const inside = living.find(
    ({ folder }) => dirname(folder) === path && !own.includes(relative(path, folder)),
  );
  if (inside === undefined) return;
  const { pid, host } = inside.owner;
  throw new OutputError(
    `${target} is being written by process ${pid} on ${host}`,
    "Wait until it has ended.",
  );
}

/** @throws OutputError for a file's name, or one too long for what is added to it while the folder is written */
function refuseName(target: string): void {
  const path = resolve(target);
  const name = basename(path);
  if (name === "config.json" || name === MARK_FILE) {
    throw new OutputError(
      `the output ${target} is called like a file`,
      `Name the folder: ${dirname(target)}`,
    );
  }
  const bytes = Buffer.byteLength(name);
  if (bytes + MAX_ADDED_BYTES > MAX_NAME_BYTES) {
    throw new OutputError(
      `the output's name has ${bytes} bytes: ${name}`,
      `Name one of at most ${MAX_NAME_BYTES - MAX_ADDED_BYTES}: some are added while it is written.`,
    );
  }
  // Twice the name: it is written in a folder called after it.
  const longest = Buffer.byteLength(path) + bytes + MAX_ADDED_BYTES + MAX_NAME_BYTES;
  const limit = MAX_PATH_BYTES[process.platform] ?? Number.POSITIVE_INFINITY;
  if (longest > limit) {
    throw new OutputError(
      `the output's path has ${Buffer.byteLength(path)} bytes: ${path}`,
      `Paths of files in it would be longer than ${limit} bytes: name a shorter one.`,
    );
  }
}

async function refuseDanglingLink(target: string): Promise<void> {
  const link = await danglingLink(target);
  if (link === undefined) return;
  // Links that point to each other are not links to something that could be made.
  await stat(link).catch((error: unknown) => {
    if (systemErrorCode(error) === "ELOOP") throw error;
  });
  throw new OutputError(
    `${link} is a link to a folder that is not there`,
    "Make that folder, or remove the link.",
  );
}

/** The folder in which a path would be made. @throws OutputError or the system's error if that is a file */
async function nearestFolder(path: string): Promise<string> {
  const parent = dirname(path);
  const info = await stat(parent).catch((error: unknown) => {
    if (systemErrorCode(error) !== "ENOENT" || parent === path) throw error;
  });
  if (info === undefined) return nearestFolder(parent);
  if (info.isDirectory()) return parent;
  throw new OutputError(`${parent} is a file`, "Name an output in a folder.");
}

/** Names in a folder; undefined where there is none. @throws OutputError if a file is in its place */
export async function entriesOf(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    if (systemErrorCode(error) === "ENOTDIR" && (await lstat(folder).catch(() => undefined))) {
      throw new OutputError(`${folder} is a file`, "Name a folder.");
    }
    throw asOutputError(error, folder);
  }
}
