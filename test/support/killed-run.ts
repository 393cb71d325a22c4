import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { moveIn, NEW, OLD } from "../../src/checkpoint/interrupted/journal.js";
import { MARK_FILE, type Mark, mark } from "../../src/checkpoint/interrupted/mark.js";
import { workName } from "../../src/checkpoint/interrupted/work-name.js";

/** No system gives a process so high a number. */
export const GONE = 2 ** 30;

/** How far a run came that was killed. */
export type Step = "writing" | "between" | "placed";

/**
 * What a run leaves that is killed while it writes a folder.
 * @param old what is in its place, a file each
 * @param owner what its mark says, other than that its process is gone
 * @returns the work folder
 */
export async function killedRun(target: string, step: Step, owner: Partial<Mark> = {}): Promise<string> {
  const { name, id } = workName(basename(target));
  const work = join(dirname(target), name);
  await mkdir(join(work, NEW, basename(target)), { recursive: true });
  await writeFile(join(work, NEW, basename(target), "config.json"), "the new one");
  await markAs(work, { id, target: basename(target) }, owner);
  if (step === "writing") return work;
  const killed = new Promise<void>(() => {});
  let renames = 0;
  const moving = moveIn(work, { from: NEW, put: [basename(target)], drop: [] }, async (from, to) => {
    if (step === "between" && renames++ > 0) return killed;
    await rename(from, to);
  });
  if (step === "placed") await moving;
  else while (renames < 2) await new Promise((resolve) => setImmediate(resolve));
  return work;
}

/** Marks a folder as that of a process that is gone, or of another one. */
export async function markAs(
  folder: string,
  about: Pick<Mark, "id" | "target" | "fills">,
  owner: Partial<Mark> = {},
): Promise<void> {
  (await mark(folder, about))();
  const path = join(folder, MARK_FILE);
  const content = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...content, pid: GONE, ...owner }));
}

/** What a work folder keeps aside. */
export function aside(work: string, path: string): string {
  return join(work, OLD, path);
}
