import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { OutputError } from "../../src/base/errors.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { MARK_FILE, SILENCE_MS } from "../../src/checkpoint/interrupted/mark.js";
import { writeFolder } from "../../src/write/output-folder.js";
import { openWork } from "../../src/write/work-folder.js";
import { temporaryFolder } from "../support/fixtures.js";
import { variants } from "../support/variants.js";

const OPTIONS = { force: false, sourceFolder: undefined };

test("a disk that is too small is refused before anything is written", async () => {
  const parent = await temporaryFolder();
  const run = writeFolder(join(parent, "out"), 2 ** 50, OPTIONS, async () => {
    throw new Error("must not be called");
  });
  await expect(run).rejects.toThrow(/needs 1125899906842624 bytes.*ENOSPC/);
  expect(await readdir(parent)).toEqual([]);
});

test.each([
  ["ENOSPC", /space/],
  ["EACCES", /may write/],
  ["EROFS", /read-only/],
])("%s midway leaves nothing and says what to do", async (code, remedy) => {
  const parent = await temporaryFolder();
  const run = writeFolder(join(parent, "out"), 1, OPTIONS, async (folder) => {
    await writeFile(join(folder, "half"), "x");
    throw Object.assign(new Error(`${code}: write`), { code });
  });
  await expect(run).rejects.toBeInstanceOf(OutputError);
  await expect(run).rejects.toMatchObject({ remedy: expect.stringMatching(remedy), exitCode: 2 });
  expect(await readdir(parent)).toEqual([]);
});

test("a target that came into being meanwhile is left alone", async () => {
  const parent = await temporaryFolder();
  const target = join(parent, "out");
  const inner = writeFolder(target, 1, OPTIONS, async (folder) => {
    await writeFile(join(folder, "mine"), "");
    await writeFolder(target, 1, OPTIONS, (other) => writeFile(join(other, "theirs"), ""));
  });
  await expect(inner).rejects.toThrow(/exists/);
  expect(await readdir(parent)).toEqual(["out"]);
  expect(await readdir(target)).toEqual(["theirs"]);
});

/** A rename that the system refuses so many times, or always, where `from` or `to` matches. */
function refusing(code: string, matching: RegExp, times = Number.POSITIVE_INFINITY) {
  let refused = 0;
  return vi.fn(async (from: string, to: string) => {
    if ((matching.test(from) || matching.test(to)) && refused++ < times) {
      throw Object.assign(new Error(`${code}: rename '${from}' -> '${to}'`), { code });
    }
    await rename(from, to);
  });
}

describe.each(variants(["EPERM", "EBUSY", "EACCES"]))("a rename that is refused with %s", (code) => {
  const replace = async (refused: ReturnType<typeof refusing>) => {
    const parent = await temporaryFolder();
    const target = join(parent, "out");
    await mkdir(target);
    await writeFile(join(target, "config.json"), "the old one");
    const run = writeFolder(target, 1, { force: true, sourceFolder: undefined, rename: refused }, (folder) =>
      writeFile(join(folder, "config.json"), "the new one"),
    ).then(
      () => undefined,
      (error: unknown) => error,
    );
    return { run, parent, config: () => readFileSync(join(target, "config.json"), "utf8") };
  };

  test.each([/out$/, /\/old\/out$/, /\/new\/out$/])("is tried again: %s", async (which) => {
    const refused = refusing(code, which, 3);
    const { run, parent, config } = await replace(refused);
    expect(await run).toBeUndefined();
    expect(refused.mock.calls.length).toBe(5);
    expect([readdirSync(parent), config()]).toEqual([["out"], "the new one"]);
  });

  test("for good: an error, and the old folder is in its place", async () => {
    const outcomes = [/\/old\/out$/, /\/new\/out$/].map(async (which) => {
      const { run, parent, config } = await replace(refusing(code, which));
      expect(await run).toMatchObject({ exitCode: 2, message: expect.stringContaining(code) });
      expect([readdirSync(parent), config()]).toEqual([["out"], "the old one"]);
    });
    await Promise.all(outcomes);
  });
});

test("what cannot be moved back is moved back by the next run, as the remedy says", async () => {
  const parent = await temporaryFolder();
  const target = join(parent, "out");
  await mkdir(target);
  await writeFile(join(target, "config.json"), "the old one");
  const write = (once?: ReturnType<typeof refusing>) =>
    writeFolder(target, 1, { force: true, sourceFolder: undefined, rename: once }, (folder) =>
      writeFile(join(folder, "config.json"), "the new one"),
    );
  let renames = 0;
  const failing = vi.fn(async (from: string, to: string) => {
    if (renames++ > 0) throw Object.assign(new Error("EIO: rename"), { code: "EIO" });
    await rename(from, to);
  });
  await expect(write(failing)).rejects.toMatchObject({
    message: expect.stringMatching(/what was there before lies in .*old and could not be moved back/),
    remedy: expect.stringMatching(/run the same command again/),
  });
  const [left = ""] = readdirSync(parent);
  expect(readdirSync(join(parent, left)).sort()).toEqual([".lsg-partial", "journal.json", "new", "old"]);
  // The process is still there, which it is not after a command.
  const mark = join(parent, left, ".lsg-partial");
  await writeFile(mark, JSON.stringify({ ...JSON.parse(readFileSync(mark, "utf8")), pid: 2 ** 30 }));
  await write();
  expect(readdirSync(parent)).toEqual(["out"]);
  expect(readFileSync(join(target, "config.json"), "utf8")).toBe("the new one");
});

describe("a folder that has to stay", () => {
  const options = { force: false, sourceFolder: undefined, isMounted: async () => true };
  const fill = async (folder: string) => {
    await mkdir(join(folder, "1_Pooling"));
    await writeFile(join(folder, "1_Pooling", "config.json"), "");
    await writeFile(join(folder, "config.json"), "the new one");
  };

  test("is filled where it is empty; lost+found stays", async () => {
    const target = await temporaryFolder();
    await mkdir(join(target, "lost+found"));
    await writeFolder(target, 1, options, async (folder) => {
      expect(readdirSync(target)).toContain(".lsg-partial");
      await expect(openFolder(target)).rejects.toThrow(/is not whole yet: process \d+ on .* is writing it/);
      await expect(writeFolder(target, 1, options, fill)).rejects.toThrow(/is being written by process/);
      await fill(folder);
    });
    expect(readdirSync(target).sort()).toEqual(["1_Pooling", "config.json", "lost+found"]);
  });

  test("is as it was where the work fails, or a move", async () => {
    const target = await temporaryFolder();
    const failing = async () => {
      throw new Error("enough");
    };
    await expect(writeFolder(target, 1, options, failing)).rejects.toThrow("enough");
    let moves = 0;
    const once = async (from: string, to: string) => {
      if (moves++ === 1) throw Object.assign(new Error("EIO"), { code: "EIO" });
      await rename(from, to);
    };
    await expect(writeFolder(target, 1, { ...options, rename: once }, fill)).rejects.toThrow("EIO");
    expect(moves).toBe(3);
    expect(readdirSync(target)).toEqual([]);
  });

  test("that another container began to fill is filled once that gives no sign of life", async () => {
    const target = await temporaryFolder();
    const work = await openWork(target, { target: "", inner: "out", fills: true });
    await writeFile(join(work.folder, "config.json"), "half");
    const almost = new Date(Date.now() - SILENCE_MS + 2000);
    for (const folder of [target, join(target, work.name)]) {
      const path = join(folder, MARK_FILE);
      await writeFile(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), host: "elsewhere" }));
      await utimes(path, almost, almost);
    }
    await writeFolder(target, 1, options, fill);
    expect(readdirSync(target).sort()).toEqual(["1_Pooling", "config.json"]);
    expect(readFileSync(join(target, "config.json"), "utf8")).toBe("the new one");
    await work.close().catch(() => {});
  });

  test("that holds a mark of another folder is refused, with --force too; the remedy helps", async () => {
    const target = await temporaryFolder();
    for (const mark of ["", "{}"]) {
      await writeFile(join(target, MARK_FILE), mark);
      await writeFile(join(target, "config.json"), "of a copy");
      const forced = { force: true, sourceFolder: undefined };
      await expect(writeFolder(target, 1, forced, fill)).rejects.toMatchObject({
        message: expect.stringMatching(/is not whole: it holds \.lsg-partial/),
        remedy: expect.stringMatching(/Remove the folder's contents yourself/),
      });
      for (const name of readdirSync(target)) await rm(join(target, name));
      await writeFolder(target, 1, forced, fill);
      for (const name of readdirSync(target)) await rm(join(target, name), { recursive: true });
    }
  });

  test("is refused where it is full, with --force too; both remedies help", async () => {
    const target = await temporaryFolder();
    await writeFolder(target, 1, options, fill);
    for (const force of [false, true]) {
      const run = writeFolder(target, 1, { ...options, force }, async () => {
        throw new Error("must not be called");
      });
      await expect(run).rejects.toMatchObject({
        message: expect.stringMatching(/not empty, and cannot be replaced as a whole: a disk or a volume/),
        remedy: `Empty it, or name a folder in it: ${join(target, "model")}`,
      });
    }
    await writeFolder(join(target, "model"), 1, { force: false, sourceFolder: undefined }, fill);
    for (const name of readdirSync(target)) await rm(join(target, name), { recursive: true });
    await writeFolder(target, 1, options, fill);
    expect(readdirSync(target).sort()).toEqual(["1_Pooling", "config.json"]);
  });
});

test("an empty folder is a target like none", async () => {
  const target = await temporaryFolder();
  await writeFolder(target, 1, OPTIONS, (folder) => writeFile(join(folder, "file"), ""));
  expect(await readdir(target)).toEqual(["file"]);
});
