import { lstat, readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CheckpointError, systemErrorCode } from "../../base/errors.js";
import { exists, isAllIn, moveBack, readJournal, WORK_PARTS } from "./journal.js";
import { isAbandoned, isMarkTorn, MARK_FILE, type Mark, readMark } from "./mark.js";
import { isAlive, isRunning } from "./owner.js";
import { parseWorkName, type WorkName } from "./work-name.js";

/** A work folder whose owner may still be writing. */
export interface Living {
  readonly folder: string;
  readonly owner: Mark;
  /** Whether its process can be looked at; of another machine's only the signs of life tell. */
  readonly isHere: boolean;
}

/**
 * Puts right what killed runs left of a target: what was moved half is moved back, and what was half written goes. Only
 * folders with a mark of ours are touched, and only once their owners are gone.
 * @param target links followed
 * @returns the folders of those that may still be writing
 */
export async function putRight(target: string): Promise<Living[]> {
  const beside = await workFolders(dirname(target), basename(target));
  const within = await workFolders(target, "");
  const living: Living[] = [];
  for (const [folder, name] of [...beside, ...within]) {
    const owner = await readMark(folder);
    if (owner === undefined) await removeUnbegun(folder, name);
    else if (owner.id === name.id && owner.target === name.target) {
      if (await isAbandoned(folder, owner)) await settle(folder, owner);
      else living.push({ folder, owner, isHere: (await isAlive(owner)) !== undefined });
    }
  }
  await unmark(target);
  return living;
}

/** @throws CheckpointError for a folder that is not whole: it is being written, or a run that wrote it was killed */
export async function refuseUnfinished(folder: string): Promise<void> {
  if (!(await exists(join(folder, MARK_FILE)))) return;
  const owner = await readMark(folder);
  if (owner && !(await isAbandoned(folder, owner))) {
    throw new CheckpointError(
      `${folder} is not whole yet: process ${owner.pid} on ${owner.host} is writing it (${MARK_FILE})`,
      "Wait until it has ended.",
    );
  }
  throw new CheckpointError(
    `${folder} is not whole: a run that wrote it was killed (${MARK_FILE})`,
    owner
      ? "Run the command that wrote it again: it begins by putting that right."
      : `It is a copy, or the mark is damaged: remove the folder, or ${MARK_FILE} if you know that it is whole.`,
  );
}

/** Removes a work folder: the mark is the last to go, so that what remains of it is known for ours. */
export async function removeWork(folder: string): Promise<void> {
  for (const part of [...WORK_PARTS, MARK_FILE]) {
    await rm(join(folder, part), { recursive: true, force: true, maxRetries: 5 });
  }
  // What somebody else has put into it stays.
  await rmdir(folder).catch((error: unknown) => {
    if (systemErrorCode(error) !== "ENOTEMPTY") throw error;
  });
}

async function workFolders(parent: string, target: string): Promise<[folder: string, name: WorkName][]> {
  const names = await readdir(parent).catch((): string[] => []);
  return names.flatMap((entry): [string, WorkName][] => {
    const name = entry.startsWith(`${target}.partial-`) ? parseWorkName(entry) : undefined;
    return name?.target === target ? [[join(parent, entry), name]] : [];
  });
}

/** A run may have been killed before it had written its mark: then its folder holds nothing but the torn mark. */
async function removeUnbegun(folder: string, { pid }: WorkName): Promise<void> {
  if ((await isRunning(pid)) || !(await lstat(folder).catch(() => undefined))?.isDirectory()) return;
  const names = await readdir(folder).catch((): string[] => []);
  if (names.some((name) => name !== MARK_FILE)) return;
  await removeTornMark(folder);
  // Fails where there is anything in it.
  await rmdir(folder).catch(() => {});
}

async function settle(folder: string, { target, id }: Mark): Promise<void> {
  const journal = await readJournal(folder);
  // What cannot be read cannot be moved back, and is not thrown away.
  if (journal === "damaged") return;
  if (journal) {
    const isDone =
      target === "" ? (await readMark(dirname(folder)))?.id !== id : await isAllIn(folder, journal);
    if (!isDone) await moveBack(folder, journal);
  }
  if (target === "") await removeTornMark(dirname(folder));
  // Another user's cannot be removed, and does no harm.
  await removeWork(folder).catch(() => {});
}

/** Takes the mark from a folder in which nothing is in the middle of being written any more. */
async function unmark(target: string): Promise<void> {
  const owner = await readMark(target);
  if (owner === undefined || !(await isAbandoned(target, owner))) return;
  const left = await workFolders(target, "");
  if (!left.some(([, { id }]) => id === owner.id)) await rm(join(target, MARK_FILE), { force: true });
}

async function removeTornMark(folder: string): Promise<void> {
  if (await isMarkTorn(folder)) await rm(join(folder, MARK_FILE), { force: true });
}
