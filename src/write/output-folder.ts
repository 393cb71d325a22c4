import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, realpath, rename, rm, statfs } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { LsgError, OutputError, systemErrorCode } from "../base/errors.js";

/** Behind the target's name while it is written; a killed run leaves a folder of this name. */
export const PARTIAL = ".partial-";
/** Behind the target's name while it is replaced. */
export const REPLACED = ".replaced-";

/** What makes a folder one that `--force` may replace: anything else is likely a mistyped path. */
const MODEL_FILES = ["config.json", "lsg_conversion.json"];

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space, or name an output on another disk.",
  EDQUOT: "The quota is used up: free some space, or name an output elsewhere.",
  EACCES: "Name a folder that you may write to.",
  EPERM: "Name a folder that you may write to.",
  EROFS: "The disk is read-only: name a folder elsewhere.",
  EEXIST: "A file of that name is there: name another folder.",
  ENOTDIR: "A part of the path is a file: name another folder.",
};

export interface OutputOptions {
  /** Replace a model that is there. */
  readonly force: boolean;
  /** Folder of the source, if it is one. */
  readonly sourceFolder: string | undefined;
}

/**
 * Refuses targets that must not be written, before anything is.
 * @throws OutputError if the target is called like a model's file, exists (without `force`), is no model, or overlaps the source.
 */
export async function checkOutput(target: string, { force, sourceFolder }: OutputOptions): Promise<void> {
  if (basename(target) === "config.json") {
    throw new OutputError(
      `the output ${target} is called like a file`,
      `Name the folder: ${dirname(target)}`,
    );
  }
  await restoreReplaced(target);
  if (sourceFolder !== undefined) await refuseOverlap(target, sourceFolder);
  const entries = await entriesOf(target);
  if (entries === undefined || entries.length === 0) return;
  if (!force) {
    throw new OutputError(`${target} exists`, "Add --force to replace it, or name another output.");
  }
  if (!MODEL_FILES.some((name) => entries.includes(name))) {
    throw new OutputError(
      `${target} holds no model, so --force does not replace it`,
      "Name another output, or remove the folder yourself.",
    );
  }
}

/**
 * Writes a folder as a whole or not at all: `fill` writes beside the target, then a rename puts it into
 * place. Whatever stops it, the target is what it was, or the new one.
 * @param bytes what `fill` is going to write, to be refused at once if the disk is too small
 * @throws OutputError as `checkOutput` does, before anything is written and before it is put into place, and if the
 *   target cannot be written.
 */
export async function writeFolder(
  target: string,
  bytes: number,
  options: OutputOptions,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  await checkOutput(target, options);
  const partial = `${target}${PARTIAL}${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await refuseFullDisk(dirname(target), bytes, target);
    await mkdir(partial);
    await fill(partial);
    await checkOutput(target, options);
    await putInPlace(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw asOutputError(error, target);
  }
}

/** The new folder is whole before the old one goes; what a kill in between leaves is put back by the next run. */
async function putInPlace(partial: string, target: string): Promise<void> {
  const entries = await entriesOf(target);
  if (entries === undefined || entries.length === 0) {
    await rename(partial, target);
    return;
  }
  const old = `${target}${REPLACED}${randomBytes(4).toString("hex")}`;
  await rename(target, old);
  await rename(partial, target);
  await rm(old, { recursive: true, force: true });
}

/** After a kill between the two renames of a replacement, the old folder is the one that counts. */
export async function restoreReplaced(target: string): Promise<void> {
  if ((await entriesOf(target)) !== undefined) return;
  const siblings = (await entriesOf(dirname(target))) ?? [];
  const old = siblings.find((name) => name.startsWith(`${basename(target)}${REPLACED}`));
  if (old !== undefined) await rename(join(dirname(target), old), target);
}

async function refuseOverlap(target: string, sourceFolder: string): Promise<void> {
  const [source, output] = [await realpath(sourceFolder), await realTarget(target)];
  const isInside = (inner: string, outer: string) => inner === outer || inner.startsWith(outer + sep);
  if (!isInside(output, source) && !isInside(source, output)) return;
  throw new OutputError(
    `the output ${target} ${output === source ? "is the source" : `and the source ${sourceFolder} lie inside each other`}`,
    "Name an output outside of the source's folder.",
  );
}

/** Where a target that may not exist yet would lie, links resolved. */
async function realTarget(target: string): Promise<string> {
  try {
    return await realpath(target);
  } catch {
    const parent = dirname(resolve(target));
    return parent === resolve(target) ? parent : join(await realTarget(parent), basename(target));
  }
}

async function refuseFullDisk(folder: string, bytes: number, target: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw new OutputError(
    `${target} needs ${bytes} bytes, its disk has ${bavail * bsize} left (ENOSPC)`,
    REMEDIES.ENOSPC,
  );
}

/** Names in a folder; undefined where there is none. @throws OutputError if a file is in its place. */
async function entriesOf(folder: string): Promise<string[] | undefined> {
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

/** A system error as an OutputError with its remedy; any other error as it is. */
export function asOutputError(error: unknown, target: string): unknown {
  const code = systemErrorCode(error);
  if (error instanceof LsgError || code === undefined) return error;
  const where = relative(process.cwd(), target).startsWith("..") ? target : relative(process.cwd(), target);
  return new OutputError(
    `${where || target} cannot be written: ${(error as Error).message}`,
    REMEDIES[code],
    {
      cause: error,
    },
  );
}
