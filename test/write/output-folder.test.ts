import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OutputError } from "../../src/base/errors.js";
import { writeFolder } from "../../src/write/output-folder.js";
import { temporaryFolder } from "../support/fixtures.js";

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

test("an empty folder is a target like none", async () => {
  const target = await temporaryFolder();
  await writeFolder(target, 1, OPTIONS, (folder) => writeFile(join(folder, "file"), ""));
  expect(await readdir(target)).toEqual(["file"]);
});
