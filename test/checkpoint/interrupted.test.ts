import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, lstat, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { MARK_FILE, readMark } from "../../src/checkpoint/interrupted/mark.js";
import { putRight } from "../../src/checkpoint/interrupted/put-right.js";
import { workName } from "../../src/checkpoint/interrupted/work-name.js";
import { openSource } from "../../src/checkpoint/open-source.js";
import { temporaryFolder } from "../support/fixtures.js";
import { aside, GONE, killedRun, markAs } from "../support/killed-run.js";

/** A folder in which `out` is the old one. */
async function withOld() {
  const parent = await temporaryFolder();
  const target = join(parent, "out");
  await mkdir(target);
  await writeFile(join(target, "config.json"), "the old one");
  return { parent, target, list: () => readdirSync(parent).sort() };
}

const config = (folder: string) => readFileSync(join(folder, "config.json"), "utf8");

describe("what a killed run left", () => {
  test("while it wrote: goes", async () => {
    const { target, list } = await withOld();
    await killedRun(target, "writing");
    expect(await putRight(target)).toEqual([]);
    expect([list(), config(target)]).toEqual([["out"], "the old one"]);
  });

  test("between the two renames: the old one is back", async () => {
    const { target, list } = await withOld();
    await killedRun(target, "between");
    expect(existsSync(target)).toBe(false);
    await putRight(target);
    expect([list(), config(target)]).toEqual([["out"], "the old one"]);
  });

  test("between the two renames, something else in its place since: both stay", async () => {
    const { target, list } = await withOld();
    const work = await killedRun(target, "between");
    await mkdir(target);
    await writeFile(join(target, "config.json"), "the user's");
    await putRight(target);
    const kept = `out.replaced-${work.slice(-12)}`;
    expect([list(), config(target)]).toEqual([["out", kept], "the user's"]);
    expect(config(`${target}.replaced-${work.slice(-12)}`)).toBe("the old one");
    await rm(target, { recursive: true });
    await putRight(target);
    expect(list()).toEqual([kept]);
  });

  test.each([false, true])(
    "once the new one is in place: the old one never comes back (removed half: %s)",
    async (half) => {
      const { target, list } = await withOld();
      const work = await killedRun(target, "placed");
      if (half) await rm(join(aside(work, "out"), "config.json"));
      await rm(target, { recursive: true });
      await putRight(target);
      expect(list()).toEqual([]);
    },
  );

  test("comes back for a verb that only reads", async () => {
    const { target, list } = await withOld();
    await killedRun(target, "between");
    expect((await openSource(target)).files.get("config.json")?.size).toBe("the old one".length);
    expect(list()).toEqual(["out"]);
  });

  test("before it had a mark, or with a torn one: goes", async () => {
    const { target, parent, list } = await withOld();
    for (const mark of [undefined, "", '{"id":"01234']) {
      const { name } = workName("out");
      await mkdir(join(parent, name));
      if (mark !== undefined) await writeFile(join(parent, name, MARK_FILE), mark);
      // Its process, which is this one, may be about to write the mark.
      await putRight(target);
      expect(list()).toContain(name);
      await rm(join(parent, name), { recursive: true });
    }
    const gone = nameOf("out", GONE);
    for (const mark of [undefined, "", '{"id":"01234']) {
      await mkdir(join(parent, gone));
      if (mark !== undefined) await writeFile(join(parent, gone, MARK_FILE), mark);
      await putRight(target);
      expect(list()).toEqual(["out"]);
    }
  });
});

/** The name of a folder of another process. */
function nameOf(target: string, pid: number): string {
  const own = process.pid;
  Object.defineProperty(process, "pid", { value: pid, configurable: true });
  try {
    return workName(target).name;
  } finally {
    Object.defineProperty(process, "pid", { value: own, configurable: true });
  }
}

describe("what is not ours stays", () => {
  test.each([
    "out.partial-x",
    `out.partial-${GONE}-0123abcd`,
    `out.partial-${GONE}-0123456789ab`,
    "out.replaced-0123abcd",
    nameOf("out", GONE),
  ])("%s without a mark, with the target and without", async (name) => {
    const { target, parent, list } = await withOld();
    await mkdir(join(parent, name));
    await writeFile(join(parent, name, "notes"), "the user's");
    await putRight(target);
    expect(list()).toEqual(["out", name].sort());
    await rm(target, { recursive: true });
    await putRight(target);
    await openSource(target).catch(() => {});
    expect(list()).toEqual([name]);
    expect(readFileSync(join(parent, name, "notes"), "utf8")).toBe("the user's");
  });

  test("an empty folder that is called nearly so", async () => {
    const { target, parent, list } = await withOld();
    const name = `out.partial-${GONE}-0123456789ab`;
    await mkdir(join(parent, name));
    await putRight(target);
    expect(list()).toEqual(["out", name]);
  });

  test("a copy of a work folder, which has another inode, and one that was renamed", async () => {
    const { target, parent, list } = await withOld();
    const work = await killedRun(target, "between");
    const copy = join(parent, "copy");
    await mkdir(copy);
    await cp(work, join(copy, basename(work)), { recursive: true });
    await rename(work, join(parent, "mine"));
    await putRight(join(copy, "out"));
    await putRight(target);
    expect([list(), readdirSync(copy)]).toEqual([["copy", "mine"], [basename(work)]]);
  });

  test("a mark of ours in a folder of another name, or for another target", async () => {
    const { target, parent, list } = await withOld();
    const work = await killedRun(target, "writing");
    const mark = JSON.parse(await readFile(join(work, MARK_FILE), "utf8"));
    await mkdir(join(parent, "out.partial-mine"));
    await markAs(join(parent, "out.partial-mine"), { id: mark.id, target: "out" });
    await putRight(join(parent, "other"));
    expect(list()).toEqual(["out", basename(work), "out.partial-mine"].sort());
    await putRight(target);
    expect(list()).toEqual(["out", "out.partial-mine"]);
  });

  test("what a link called like a work folder points to", async () => {
    const { target, parent, list } = await withOld();
    const work = await killedRun(target, "between");
    await rename(work, join(parent, "elsewhere"));
    await symlink("elsewhere", work);
    await putRight(target);
    expect(list()).toEqual(["elsewhere", basename(work)].sort());
    expect(await readMark(work)).toBeUndefined();
  });

  test("what links in a work folder point to, also as what is to be put back", async () => {
    const { target, parent, list } = await withOld();
    await mkdir(join(parent, "precious"));
    await writeFile(join(parent, "precious", "file"), "the user's");
    const work = await killedRun(target, "writing");
    await symlink(join(parent, "precious"), join(work, "new", "out", "link"));
    await symlink(join(parent, "precious"), join(work, "old"));
    await putRight(target);
    expect([list(), readdirSync(join(parent, "precious"))]).toEqual([["out", "precious"], ["file"]]);
  });

  test("what the user has put into a work folder", async () => {
    const { target, list } = await withOld();
    const work = await killedRun(target, "writing");
    await writeFile(join(work, "mine"), "the user's");
    for (let times = 0; times < 2; times++) {
      await putRight(target);
      expect(list()).toEqual(["out", basename(work)].sort());
      expect(readdirSync(work)).toEqual(["mine"]);
    }
  });
});

describe("whose process may still be writing", () => {
  test("a living process's stays; one whose number was given to another goes", async () => {
    const { target, list } = await withOld();
    const { started } = JSON.parse(
      await readFile(join(await killedRun(target, "writing"), MARK_FILE), "utf8"),
    );
    await putRight(target);
    const alive = await killedRun(target, "writing", { pid: process.pid, started });
    const reused = await killedRun(target, "writing", { pid: process.pid, started: `${started}0` });
    expect((await putRight(target)).map(({ folder }) => folder)).toEqual([alive]);
    expect(list()).toEqual(["out", basename(alive)].sort());
    expect(existsSync(reused)).toBe(false);
  });

  test.each([
    ["host", "elsewhere"],
    ["boot", "another"],
    ["namespace", "pid:[1]"],
  ])("another %s's goes once it has given no sign of life for a while", async (key, value) => {
    const { target, list } = await withOld();
    const work = await killedRun(target, "writing", { [key]: value });
    expect(await putRight(target)).toHaveLength(1);
    expect(list()).toEqual(["out", basename(work)].sort());
    const before = new Date(Date.now() - 60_000);
    await utimes(join(work, MARK_FILE), before, before);
    expect(await putRight(target)).toEqual([]);
    expect(list()).toEqual(["out"]);
  });
});

test("a folder with a mark is refused; with the remedy followed it opens", async () => {
  const { target } = await withOld();
  await markAs(target, { id: "0123456789ab", target: "" });
  await expect(openSource(target)).rejects.toMatchObject({
    message: expect.stringMatching(/is not whole: a run that wrote it was killed/),
    remedy: expect.stringMatching(/Run the command that wrote it again/),
  });
  await putRight(target);
  expect((await lstat(target)).isDirectory()).toBe(true);
  expect((await openSource(target)).files.has("config.json")).toBe(true);
  await writeFile(join(target, MARK_FILE), "{}");
  await expect(openSource(target)).rejects.toMatchObject({ remedy: expect.stringMatching(/remove/) });
  await putRight(target);
  await rm(join(target, MARK_FILE));
  expect((await openSource(target)).files.has("config.json")).toBe(true);
});

test("a folder that is not there has nothing to be put right", async () => {
  expect(await putRight(join(await temporaryFolder(), "not", "there"))).toEqual([]);
});
