import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import { openFolder } from "../../src/checkpoint/folder.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lsg-folder-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, content: string | Buffer): Promise<void> {
  await mkdir(join(root, path, ".."), { recursive: true });
  await writeFile(join(root, path), content);
}

describe("openFolder", () => {
  it("lists files of subfolders by POSIX path with their sizes", async () => {
    await write("config.json", "{}");
    await write("1_Pooling/config.json", "{ }");
    const source = await openFolder(root);
    expect([...source.files]).toEqual([
      ["1_Pooling/config.json", { size: 3 }],
      ["config.json", { size: 2 }],
    ]);
    expect(source.name).toBe(basename(root));
    expect(source.origin).toEqual({ kind: "folder", path: root });
  });

  it("skips .git, .cache and node_modules, but no file that is called so", async () => {
    await write(".git/HEAD", "ref");
    await write(".cache/x", "x");
    await write("sub/node_modules/x/index.js", "x");
    await write("sub/.gitattributes", "x");
    expect([...(await openFolder(root)).files.keys()]).toEqual(["sub/.gitattributes"]);
  });

  it("is called org/name when it is a snapshot in a Hub cache", async () => {
    await write("models--org--some-name/snapshots/0123/config.json", "{}");
    await write("models--gpt2/snapshots/0123/config.json", "{}");
    expect((await openFolder(join(root, "models--org--some-name/snapshots/0123/"))).name).toBe(
      "org/some-name",
    );
    expect((await openFolder(join(root, "models--gpt2/snapshots/0123"))).name).toBe("gpt2");
  });

  it("refuses a path that is missing or a file, by name", async () => {
    await write("file", "x");
    await expect(openFolder(join(root, "none"))).rejects.toThrow(/Cannot read .*none: it does not exist/);
    await expect(openFolder(join(root, "file"))).rejects.toThrow(/Cannot read .*file: it is not a folder/);
    await expect(openFolder(join(root, "none"))).rejects.toBeInstanceOf(CheckpointError);
  });
});

describe("a folder's files", () => {
  it("are read by range, up to their last byte", async () => {
    await write("w.bin", "0123456789");
    const source = await openFolder(root);
    expect((await source.readRange("w.bin", 3, 10)).toString()).toBe("3456789");
    expect((await source.readRange("w.bin", 10, 10)).length).toBe(0);
    expect(await source.localPath("w.bin")).toBe(join(root, "w.bin"));
  });

  it("end with an error that says where", async () => {
    await write("w.bin", "0123456789");
    const source = await openFolder(root);
    await expect(source.readRange("w.bin", 8, 12)).rejects.toThrow(
      "w.bin ends after 10 bytes; bytes up to 12 were expected.",
    );
    await writeFile(join(root, "w.bin"), "0123"); // cut since it was listed
    await expect(source.readRange("w.bin", 5, 8)).rejects.toBeInstanceOf(CheckpointError);
  });

  it("outside the folder cannot be named", async () => {
    await write("secret", "s");
    await write("model/config.json", "{}");
    const source = await openFolder(join(root, "model"));
    for (const path of ["../secret", join(root, "secret"), "./config.json", "constructor", "none.json"]) {
      await expect(source.read(path)).rejects.toThrow(`"model" has no file ${path}.`);
      await expect(source.localPath(path)).rejects.toBeInstanceOf(CheckpointError);
      await expect(source.readRange(path, 0, 1)).rejects.toBeInstanceOf(CheckpointError);
    }
  });

  it("that are Git LFS pointers are refused with the command that fetches them", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`;
    await write("model.safetensors", pointer);
    const source = await openFolder(root);
    const attempts = [
      () => source.readRange("model.safetensors", 0, 8),
      () => source.localPath("model.safetensors"),
      () => source.read("model.safetensors"),
    ];
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({
        message: expect.stringContaining("model.safetensors is a Git LFS pointer"),
        remedy: expect.stringContaining("git lfs pull"),
      });
    }
  });

  it("of many megabytes are not read whole", async () => {
    await write("weights.json", "");
    const { truncate } = await import("node:fs/promises");
    await truncate(join(root, "weights.json"), 300 * 2 ** 20);
    await expect((await openFolder(root)).read("weights.json")).rejects.toThrow(
      /weights.json has 314572800 bytes/,
    );
  });
});
