import { mkdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { StuckError } from "../base/errors.js";
import type { Rename } from "../base/patient-rename.js";
import { type Changes, moveIn, NEW } from "../checkpoint/interrupted/journal.js";
import { MARK_FILE, mark } from "../checkpoint/interrupted/mark.js";
import { refuseUnfinished, removeWork } from "../checkpoint/interrupted/put-right.js";
import { workName } from "../checkpoint/interrupted/work-name.js";

/** A marked folder in which something is written before it takes its place. */
export interface Work {
  /** Its name in the folder that it lies in. */
  readonly name: string;
  readonly folder: string;
  /** Puts what was written in its place: all of it, or none. @param changes without `from`: of `folder` */
  place(changes: Omit<Changes, "from">): Promise<void>;
  close(): Promise<void>;
}

export interface WorkOptions {
  /** What is written, by its name in `root`; empty for what `root` holds, which is not a whole folder while it is put in place. */
  readonly target: string;
  /** The name of the inner folder that is written, as it is to be called in errors. */
  readonly inner?: string | undefined;
  /** Whether `root` is empty: then it is marked from the beginning, since nothing in it is whole before all of it is. */
  readonly fills?: boolean | undefined;
  readonly rename?: Rename | undefined;
}

/** Makes a work folder in `root`. @throws the system's error */
export async function openWork(root: string, options: WorkOptions): Promise<Work> {
  const { target, inner, fills = false, rename } = options;
  const { name, id } = workName(target);
  const work = join(root, name);
  const endings: (() => void)[] = [];
  let isMarked = false;
  let isStuck = false;
  const markRoot = async () => {
    if (isMarked || target !== "") return;
    const ending = await mark(root, { id, target, fills }).catch(async (error: unknown) => {
      // Another run was quicker.
      await refuseUnfinished(root);
      throw error;
    });
    endings.push(ending);
    isMarked = true;
  };
  const close = async () => {
    for (const end of endings) end();
    if (isStuck) return;
    // Now what is in its place stays there.
    if (isMarked) await unlink(join(root, MARK_FILE));
    // What cannot be removed now has a mark of its own: the next run does it.
    await removeWork(work).catch(() => {});
  };
  const from = inner === undefined ? NEW : `${NEW}/${inner}`;
  await mkdir(work);
  try {
    endings.push(await mark(work, { id, target }));
    await mkdir(join(work, from), { recursive: true });
    if (fills) await markRoot();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name,
    folder: join(work, from),
    async place(changes) {
      await markRoot();
      try {
        await moveIn(work, { ...changes, from }, rename);
      } catch (error) {
        isStuck = error instanceof StuckError;
        throw error;
      }
    },
    close,
  };
}
