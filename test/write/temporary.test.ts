import { readdirSync } from "node:fs";
import { mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { MARK_FILE } from "../../src/checkpoint/interrupted/mark.js";
import { makeTemporary, removeTemporaries, removeTemporary } from "../../src/write/temporary.js";
import { temporaryFolder } from "../support/fixtures.js";
import { GONE, markAs } from "../support/killed-run.js";

const HERE = `lsg-verify-${hostname()}`;

/** A temporary folder of a process that is gone, or of another owner. */
async function left(parent: string, name: string, owner?: Parameters<typeof markAs>[2]): Promise<void> {
  await mkdir(join(parent, name));
  await writeFile(join(parent, name, "file"), name);
  await markAs(join(parent, name), { id: name, target: name }, owner);
}

test("temporary folders go with their processes, before the next one is made", async () => {
  const parent = await temporaryFolder();
  const own = await makeTemporary(parent, "verify");
  await left(parent, `${HERE}-${GONE}-abcdef`);
  await left(parent, `lsg-profile-${hostname()}-${GONE}-abcdef`);
  const next = await makeTemporary(parent, "profile");
  expect(readdirSync(parent).sort()).toEqual([basename(own), basename(next)].sort());
  expect(basename(own).startsWith(`${HERE}-${process.pid}-`)).toBe(true);
  for (const folder of [own, next]) await removeTemporary(folder);
  expect(readdirSync(parent)).toEqual([]);
});

test("those of other machines go after a day", async () => {
  const parent = await temporaryFolder();
  const name = `lsg-verify-some-where.else-${GONE}-abcdef`;
  await left(parent, name, { host: "some-where.else" });
  await removeTemporaries(parent);
  expect(readdirSync(parent)).toEqual([name]);
  await utimes(join(parent, name, MARK_FILE), 0, 0);
  await removeTemporaries(parent);
  expect(readdirSync(parent)).toEqual([]);
});

test("what is not ours stays: folders without a mark, with another's, and what links point to", async () => {
  const parent = await temporaryFolder();
  const [mine, forged, link] = [`${HERE}-${GONE}-aaaaaa`, `${HERE}-${GONE}-bbbbbb`, `${HERE}-${GONE}-cccccc`];
  await mkdir(join(parent, mine));
  await writeFile(join(parent, mine, "notes"), "the user's");
  await mkdir(join(parent, forged));
  await markAs(join(parent, forged), { id: "another", target: "another" });
  await left(parent, "precious");
  await symlink("precious", join(parent, link));
  await removeTemporaries(parent);
  expect(readdirSync(parent).sort()).toEqual([mine, forged, link, "precious"].sort());
  expect(readdirSync(join(parent, "precious")).sort()).toEqual([MARK_FILE, "file"]);
});

test("one whose process was killed before it marked it is empty, and goes", async () => {
  const parent = await temporaryFolder();
  await mkdir(join(parent, `${HERE}-${GONE}-abcdef`));
  await removeTemporaries(parent);
  expect(readdirSync(parent)).toEqual([]);
  await removeTemporaries(join(parent, "not"));
});
