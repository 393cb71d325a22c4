import { mkdir, readdir, realpath, rmdir, statfs } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { OutputError, outputRemedy } from "../base/errors.js";
import type { Rename } from "../base/patient-rename.js";
import { CONFIG_FILE } from "../checkpoint/checkpoint.js";
import { MARK_FILE } from "../checkpoint/interrupted/mark.js";
import { putRight } from "../checkpoint/interrupted/put-right.js";
import { realPlace } from "../checkpoint/interrupted/real-place.js";
import { areNested } from "../checkpoint/nested.js";
import { isOfAnImage } from "./mount-point.js";
import { asOutputError } from "./output-errors.js";
import { entriesOf, openTarget, type Target, type TargetOptions } from "./target.js";
import { openWork, type Work } from "./work-folder.js";

export interface OutputOptions extends TargetOptions {
  /** Folder of the source; a Hub model has none of its name. */
  readonly sourceFolder: string | undefined;
  readonly rename?: Rename | undefined;
}

/**
 * Refuses targets that must not or cannot be written, before anything is.
 * @throws OutputError if the target is not a place for a folder, exists (without `force`), is not a model, or overlaps the source.
 */
export async function checkOutput(target: string, options: OutputOptions): Promise<Target> {
  if (options.sourceFolder !== undefined) await refuseOverlap(target, options.sourceFolder);
  return openTarget(target, options);
}

/**
 * Writes a folder as a whole or not at all: `fill` writes elsewhere, then it takes its place. Whatever stops it, the
 * target is what it was, or the new one; after a kill it is once the next run has begun.
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
  const place = await checkOutput(target, options);
  const isFilled = place.way === "fill";
  const name = basename(place.path);
  const root = isFilled ? place.path : dirname(place.path);
  let work: Work | undefined;
  let made: string | undefined;
  try {
    made = isFilled ? undefined : await mkdir(root, { recursive: true });
    await refuseFullDisk(root, bytes, target);
    work = isFilled
      ? await openWork(root, { target: "", inner: name || "model", fills: true, rename: options.rename })
      : await openWork(root, { target: name, rename: options.rename });
    if (!isFilled) await refuseOfAnImage(target, place.path, join(root, work.name));
    const folder = isFilled ? work.folder : join(work.folder, name);
    await mkdir(folder, { recursive: true });
    await fill(folder);
    await openTarget(target, { ...options, own: isFilled ? [work.name, MARK_FILE] : [] });
    await work.place({ put: isFilled ? await inOrder(folder) : [name], drop: [] });
  } catch (error) {
    await work?.close().catch(() => {});
    await removeMade(made, root);
    throw asOutputError(error, target);
  }
  await work.close().catch((error: unknown) => {
    throw asOutputError(error, target);
  });
  // What another container's run left may have been in doubt before.
  await putRight(place.path).catch(() => {});
}

/** What is moved one by one: without config.json, which comes last, no library takes the folder for a model. */
async function inOrder(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).sort();
  return [...names.filter((name) => name !== CONFIG_FILE), ...names.filter((name) => name === CONFIG_FILE)];
}

/** Folders that were made for a target that was not written. */
async function removeMade(outermost: string | undefined, innermost: string): Promise<void> {
  if (outermost === undefined) return;
  for (let folder = innermost; ; folder = dirname(folder)) {
    const isGone = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (!isGone || relative(folder, outermost) === "") return;
  }
}

async function refuseOverlap(target: string, sourceFolder: string): Promise<void> {
  const source = await realpath(sourceFolder).catch(() => undefined);
  const output = await realPlace(target);
  if (source === undefined || !areNested(output, source)) return;
  throw new OutputError(
    `the output ${target} ${output === source ? "is the source" : `and the source ${sourceFolder} lie inside each other`}`,
    "Name an output outside of the source's folder.",
  );
}

async function refuseOfAnImage(target: string, path: string, occupied: string): Promise<void> {
  if ((await entriesOf(path)) === undefined || !(await isOfAnImage(path, occupied))) return;
  throw new OutputError(
    `${target} is part of the container's image, and cannot be replaced as a whole`,
    "Remove it first, or name another output.",
  );
}

async function refuseFullDisk(folder: string, bytes: number, target: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw new OutputError(
    `${target} needs ${bytes} bytes, its disk has ${bavail * bsize} left (ENOSPC)`,
    outputRemedy("ENOSPC"),
  );
}
