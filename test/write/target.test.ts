import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OutputError } from "../../src/base/errors.js";
import { writeFolder } from "../../src/write/output-folder.js";
import { temporaryFolder } from "../support/fixtures.js";

/** Writes a folder of one file. */
const write = (target: string, force = false) =>
  writeFolder(target, 1, { force, sourceFolder: undefined }, (folder) =>
    writeFile(join(folder, "config.json"), "the new one"),
  );

/** What refuses a target, before anything is written. */
async function refusal(target: string, force = false): Promise<OutputError> {
  const run = writeFolder(target, 1, { force, sourceFolder: undefined }, async () => {
    throw new Error("the work has begun");
  });
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OutputError);
  return error as OutputError;
}

const config = (folder: string) => readFileSync(join(folder, "config.json"), "utf8");

describe("a target that cannot be written is refused before the work; the remedy helps", () => {
  test("a name that is too long, in bytes", async () => {
    const parent = await temporaryFolder();
    for (const name of ["a".repeat(250), "a".repeat(224), "ä".repeat(112), "長".repeat(75)]) {
      const { message, remedy = "" } = await refusal(join(parent, name));
      expect(message).toContain(`${Buffer.byteLength(name)} bytes`);
      const most = Number(/at most (\d+)/.exec(remedy)?.[1]);
      await write(join(parent, "b".repeat(most)));
      await write(join(parent, "b".repeat(most)), true);
      await rm(join(parent, "b".repeat(most)), { recursive: true });
    }
    expect(readdirSync(parent)).toEqual([]);
  });

  test.skipIf(process.platform === "win32")("a path that is too long", async () => {
    const parent = await temporaryFolder();
    const deep = join(parent, ...Array.from({ length: 18 }, () => "d".repeat(200)));
    const { message, remedy } = await refusal(join(deep, "d".repeat(200)));
    expect(message).toMatch(/path has \d+ bytes/);
    expect(remedy).toMatch(/shorter/);
    expect(readdirSync(parent)).toEqual([]);
    await write(join(deep, "short"));
    expect(config(join(deep, "short"))).toBe("the new one");
  });

  test("a file, and a path through one", async () => {
    const parent = await temporaryFolder();
    await writeFile(join(parent, "file"), "the user's");
    expect((await refusal(join(parent, "file"), true)).message).toMatch(/file is a file/);
    expect((await refusal(join(parent, "file", "out"), true)).remedy).toMatch(/is a file: name another/);
    expect((await refusal(join(parent, "file", "deep", "out"))).remedy).toMatch(/is a file: name another/);
    expect(readFileSync(join(parent, "file"), "utf8")).toBe("the user's");
  });

  test("a link to nowhere, at the end and on the way", async () => {
    const parent = await temporaryFolder();
    for (const path of [["link"], ["link", "out"]]) {
      await symlink("nowhere", join(parent, "link"));
      const { message, remedy } = await refusal(join(parent, ...path), true);
      expect(message).toMatch(/link is a link to a folder that is not there/);
      expect(remedy).toBe("Make that folder, or remove the link.");
      expect(readdirSync(parent)).toEqual(["link"]);
      await mkdir(join(parent, "nowhere"));
      await write(join(parent, ...path));
      expect(config(join(parent, "nowhere", ...path.slice(1)))).toBe("the new one");
      await rm(join(parent, "link"));
      await write(join(parent, ...path));
      expect(config(join(parent, ...path))).toBe("the new one");
      await rm(join(parent, "link"), { recursive: true });
      await rm(join(parent, "nowhere"), { recursive: true });
    }
  });

  test("links that point to each other", async () => {
    const parent = await temporaryFolder();
    await symlink("two", join(parent, "one"));
    await symlink("one", join(parent, "two"));
    expect((await refusal(join(parent, "one"))).remedy).toMatch(/point to each other/);
  });

  test("a folder that exists, or holds no model", async () => {
    const parent = await temporaryFolder();
    await write(join(parent, "out"));
    expect((await refusal(join(parent, "out"))).remedy).toMatch(/--force/);
    await write(join(parent, "out"), true);
    await mkdir(join(parent, "photos"));
    await writeFile(join(parent, "photos", "one.jpg"), "");
    expect((await refusal(join(parent, "photos"), true)).message).toMatch(/holds no model/);
    expect(readdirSync(parent).sort()).toEqual(["out", "photos"]);
  });

  test("the current folder, or one around it: full it stays, empty it is filled", async () => {
    const parent = await temporaryFolder();
    const out = join(parent, "out");
    await mkdir(join(out, "inner"), { recursive: true });
    const before = process.cwd();
    process.chdir(join(out, "inner"));
    try {
      const { message, remedy = "" } = await refusal("..", true);
      expect(message).toMatch(
        /is not empty, and cannot be replaced as a whole: the current folder lies in it/,
      );
      const named = / in it: (.*)$/.exec(remedy)?.[1] ?? "";
      await write(named);
      expect(config(join(out, "model"))).toBe("the new one");
      await write(".");
      expect(readdirSync(".")).toEqual(["config.json"]);
    } finally {
      process.chdir(before);
    }
  });

  test.each(["config.json", ".lsg-partial"])("a folder called %s", async (name) => {
    expect((await refusal(join(await temporaryFolder(), name))).message).toMatch(/called like a file/);
  });
});

describe("a target is written", () => {
  test("through a link, which stays", async () => {
    const parent = await temporaryFolder();
    const disk = join(parent, "disk");
    await mkdir(disk);
    await symlink(disk, join(parent, "link"));
    await write(join(parent, "link"));
    await write(join(parent, "link"), true);
    expect([config(disk), readdirSync(parent).sort()]).toEqual(["the new one", ["disk", "link"]]);
  });

  test("with a slash at its end, and in folders that are made", async () => {
    const parent = await temporaryFolder();
    await write(`${join(parent, "deep", "deeper", "out")}/`);
    expect(config(join(parent, "deep", "deeper", "out"))).toBe("the new one");
  });

  test("not at all: folders that were made for it go", async () => {
    const parent = await temporaryFolder();
    await mkdir(join(parent, "there"));
    const run = writeFolder(
      join(parent, "there", "deep", "deeper", "out"),
      1,
      { force: false, sourceFolder: undefined },
      async () => {
        throw new Error("enough");
      },
    );
    await expect(run).rejects.toThrow("enough");
    expect(existsSync(join(parent, "there", "deep"))).toBe(false);
    expect(existsSync(join(parent, "there"))).toBe(true);
  });
});
