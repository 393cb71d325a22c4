import fs, { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openRepoCache } from "../../src/checkpoint/hub/cache.js";

const MAIN = "a".repeat(40);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lsg-cache-"));
  await mkdir(join(folder, "models--org--model", "blobs"), { recursive: true });
  await writeFile(openRepoCache(folder, "org/model").blob("abc"), "content");
});
afterEach(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  await rm(folder, { recursive: true, force: true });
});

describe("openRepoCache", () => {
  it("copies the blob where links are impossible", async () => {
    vi.spyOn(fs, "symlink").mockRejectedValue(Object.assign(new Error("no links"), { code: "EPERM" }));
    syncBuiltinESMExports();
    const cache = openRepoCache(folder, "org/model");
    await cache.linkBlob("abc", MAIN, "a/config.json");
    const entry = cache.snapshot(MAIN, "a/config.json");
    expect((await lstat(entry)).isFile()).toBe(true);
    expect(await readFile(entry, "utf8")).toBe("content");
    expect(await readdir(join(folder, "models--org--model", "blobs"))).toEqual(["abc"]);
  });

  it("replaces a link whose blob is gone", async () => {
    const cache = openRepoCache(folder, "org/model");
    await mkdir(cache.snapshot(MAIN), { recursive: true });
    await symlink("../../blobs/gone", cache.snapshot(MAIN, "config.json"));
    await cache.linkBlob("abc", MAIN, "config.json");
    expect(await readFile(cache.snapshot(MAIN, "config.json"), "utf8")).toBe("content");
  });

  it("reads a ref that ends in a line break, and none that is no commit", async () => {
    const cache = openRepoCache(folder, "org/model");
    await cache.writeRef("refs/pr/1", MAIN);
    expect(await cache.readRef("refs/pr/1")).toBe(MAIN);
    await cache.writeRef("main", MAIN);
    await writeFile(join(folder, "models--org--model", "refs", "main"), `${MAIN}\n`);
    expect(await cache.readRef("main")).toBe(MAIN);
    await writeFile(join(folder, "models--org--model", "refs", "main"), "../../..");
    expect(await cache.readRef("main")).toBeUndefined();
    expect(await cache.readRef("none")).toBeUndefined();
  });
});
