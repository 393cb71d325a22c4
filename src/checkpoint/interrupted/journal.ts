import { lstat, mkdir, readFile, rename, rmdir, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, sep } from "node:path";
import { OutputError, StuckError } from "../../base/errors.js";
import { type Rename, renamePatiently } from "../../base/patient-rename.js";
import { isRecord } from "../../json/json-edit.js";
import { inodeOf } from "./mark.js";

/** Below a work folder: what is to take its place, and what was in that place. */
export const NEW = "new";
export const OLD = "old";

const JOURNAL = "journal.json";

/** All that there is in a work folder beside its mark, in the order in which it goes: without its journal nothing of it comes back. */
export const WORK_PARTS = [JOURNAL, `${JOURNAL}.new`, OLD, NEW];

/** The moves to be made, written down before the first of them. */
export interface Journal {
  /** Folder below the work folder whose entries take their places. */
  readonly from: string;
  /** What takes its place, by its path, with its inode. */
  readonly put: readonly { readonly path: string; readonly inode: string }[];
  /** What is removed and not replaced. */
  readonly drop: readonly string[];
  /** Folders that are made for it, outer ones first. */
  readonly made: readonly string[];
}

/** What changes, by paths below the folder that a work folder lies in. */
export type Changes = Pick<Journal, "from" | "drop"> & { readonly put: readonly string[] };

/** Of a work folder's name, in the name of what is kept beside what took its place. */
const ID_DIGITS = 12;

/**
 * Moves what is new to its place, and what was there aside. All is written down before, so that a later run can move it
 * back. A single folder is in its place with the last move; where there are several, the marked folder around them says
 * until when they are to be moved back.
 * @param work a work folder, beside what is changed
 * @throws the system's error, after everything was moved back; StuckError where that failed as well
 */
export async function moveIn(work: string, changes: Changes, once: Rename = rename): Promise<void> {
  const root = dirname(work);
  const journal = await openJournal(work, changes);
  try {
    for (const path of [...journal.drop, ...changes.put]) {
      if (!(await exists(join(root, path)))) continue;
      await mkdir(dirname(join(work, OLD, path)), { recursive: true });
      await renamePatiently(join(root, path), join(work, OLD, path), once);
    }
    for (const folder of journal.made) await mkdir(join(root, folder));
    for (const { path } of journal.put) {
      await renamePatiently(join(work, journal.from, path), join(root, path), once);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const kept = await moveBack(work, journal, once).catch((cause: unknown) => {
      throw new StuckError(
        `${reason}; what was there before lies in ${join(work, OLD)} and could not be moved back`,
        "Close what has it open, and run the same command again: it begins by moving that back.",
        { cause },
      );
    });
    if (kept.length === 0) throw error;
    throw new OutputError(
      `${reason}; what was there before is kept as ${kept.join(", ")}`,
      "Something else was put in its place meanwhile: keep one of them.",
      { cause: error },
    );
  }
}

async function openJournal(work: string, { from, put, drop }: Changes): Promise<Journal> {
  const made = new Set<string>();
  for (const path of put) {
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
      if (!(await exists(join(dirname(work), folder)))) made.add(folder);
    }
  }
  const inodes = await Promise.all(
    put.map(async (path) => ({ path, inode: await inodeOf(join(work, from, path)) })),
  );
  const journal: Journal = { from, put: inodes, drop, made: [...made].sort() };
  await writeFile(join(work, `${JOURNAL}.new`), JSON.stringify(journal));
  await rename(join(work, `${JOURNAL}.new`), join(work, JOURNAL));
  return journal;
}

/** What was written down before anything was moved; undefined where nothing was. */
export async function readJournal(work: string): Promise<Journal | "damaged" | undefined> {
  if (!(await exists(join(work, JOURNAL)))) return undefined;
  const journal = await readFile(join(work, JOURNAL), "utf8")
    .then(JSON.parse)
    .catch(() => undefined);
  return isJournal(journal) ? journal : "damaged";
}

/** Whether everything has taken its place. */
export async function isAllIn(work: string, { from, put }: Journal): Promise<boolean> {
  const waiting = await Promise.all(put.map(({ path }) => exists(join(work, from, path))));
  return !waiting.includes(true);
}

/**
 * Moves everything back. What somebody has put in a place meanwhile stays there; what was there before is kept beside it.
 * @returns what was kept so
 */
export async function moveBack(
  work: string,
  { from, put, drop, made }: Journal,
  once: Rename = rename,
): Promise<string[]> {
  const root = dirname(work);
  const kept: string[] = [];
  for (const { path, inode } of put) {
    const [place, waiting] = [join(root, path), join(work, from, path)];
    const isOurs = !(await exists(waiting)) && (await inodeOf(place).catch(() => undefined)) === inode;
    if (isOurs) await renamePatiently(place, waiting, once);
  }
  for (const path of [...put.map((one) => one.path), ...drop]) {
    const [place, aside] = [join(root, path), join(work, OLD, path)];
    if (!(await exists(aside))) continue;
    const isFree = !(await exists(place));
    const to = isFree ? place : `${place}.replaced-${work.slice(-ID_DIGITS)}`;
    await renamePatiently(aside, to, once);
    if (!isFree) kept.push(to);
  }
  // Only empty folders are removed.
  for (const folder of made.toReversed()) await rmdir(join(root, folder)).catch(() => {});
  return kept;
}

/** Whether the path exists; a dangling link does. */
export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function isJournal(value: unknown): value is Journal {
  if (!isRecord(value)) return false;
  const { from, put, drop, made } = value;
  if (!(Array.isArray(put) && Array.isArray(drop) && Array.isArray(made))) return false;
  const isMove = (move: unknown) => isRecord(move) && isBelow(move.path) && typeof move.inode === "string";
  return isBelow(from) && put.every(isMove) && [...drop, ...made].every(isBelow);
}

function isBelow(path: unknown): path is string {
  if (typeof path !== "string" || path === "" || isAbsolute(path)) return false;
  return !path.split(sep === "/" ? "/" : /[/\\]/).includes("..");
}
