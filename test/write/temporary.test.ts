import { readdirSync } from "node:fs";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporary, removeLeftovers, removeTemporaries } from "../../src/write/leftovers.js";
import { temporaryFolder } from "../support/fixtures.js";

/** No system gives a process so high a number. */
const GONE = 2 ** 30;
const ALIVE = process.ppid;

async function parentWith(...folders: string[]): Promise<string> {
  const parent = await temporaryFolder();
  for (const folder of folders) {
    await mkdir(join(parent, folder));
    await writeFile(join(parent, folder, "file"), folder);
  }
  return parent;
}

const nobody = () => false;

test("what processes that are gone were writing goes, and only that", async () => {
  const kept = [
    "out.partial-x",
    "other.partial-1-00000000",
    `outer.partial-${GONE}-00000000`,
    "out.replacedment",
  ];
  const parent = await parentWith("out", `out.partial-${GONE}-0123abcd`, "out.replaced-0123abcd", ...kept);
  expect((await removeLeftovers(join(parent, "out"), nobody)).size).toBe(0);
  expect(readdirSync(parent).sort()).toEqual(["out", ...kept].sort());
});

test("what a living process may be writing stays, unless it is one of ours", async () => {
  const partial = `out.partial-${ALIVE}-0123abcd`;
  const parent = await parentWith(partial);
  const target = join(parent, "out");
  expect([...(await removeLeftovers(target, nobody))]).toEqual([[ALIVE, join(parent, partial)]]);
  expect(readdirSync(parent)).toEqual([partial]);
  expect((await removeLeftovers(target, (pid) => pid === ALIVE)).size).toBe(0);
  expect(readdirSync(parent)).toEqual([]);
});

test("a folder that was being replaced is put back where the new one did not come into its place", async () => {
  const parent = await parentWith("out.replaced-0123abcd", `out.partial-${GONE}-0123abcd`);
  await removeLeftovers(join(parent, "out"), nobody);
  expect(readdirSync(parent)).toEqual(["out"]);
  expect(readdirSync(join(parent, "out"))).toEqual(["file"]);
});

test("a folder that is not there has no leftovers", async () => {
  const parent = await temporaryFolder();
  expect((await removeLeftovers(join(parent, "not", "there"), nobody)).size).toBe(0);
  await removeTemporaries(join(parent, "not"));
});

test("temporary folders go with their processes; those of other machines after a day", async () => {
  const [here, there] = [`lsg-verify-${hostname()}`, "lsg-verify-some-where.else"];
  const kept = [`${here}-${ALIVE}-abcdef`, `${there}-${GONE}-abcdef`, "lsg-verify-abcdef"];
  const old = `${there}-${ALIVE}-abcdef`;
  const parent = await parentWith(`${here}-${GONE}-abcdef`, old, ...kept);
  await utimes(join(parent, old), 0, 0);
  const own = await makeTemporary(parent, "verify");
  expect(basename(own).startsWith(`${here}-${process.pid}-`)).toBe(true);
  await removeTemporaries(parent);
  expect(readdirSync(parent).sort()).toEqual([...kept, basename(own)].sort());
});
