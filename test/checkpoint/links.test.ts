import { execFileSync } from "node:child_process";
import {
  copyFile,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { sortFiles } from "../../src/checkpoint/left-out.js";
import { temporaryFolder } from "../support/fixtures.js";

const SECRET = "what nobody is to read";

let root: string;
let model: string;
beforeEach(async () => {
  root = await temporaryFolder();
  model = join(root, "model");
  await write("secret/token", SECRET);
  await write("model/config.json", "{}");
  await write("model/sub/a.txt", "a");
});

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

/** Puts a link into the model's folder. */
async function linkTo(target: string, path: string): Promise<void> {
  await mkdir(dirname(join(model, path)), { recursive: true });
  await symlink(target, join(model, path));
}

const listing = async (folder = model) => [...(await openFolder(folder)).files.keys()];

/** Runs a command in the model's folder. */
function inShell(command: string): () => Promise<void> {
  return async () => void execFileSync("sh", ["-c", command], { cwd: model });
}

/** The error for the files of a folder that would be copied. */
async function refusal(folder = model): Promise<CheckpointError> {
  const { files } = await openFolder(folder);
  try {
    sortFiles({ files, contents: new Map() });
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a link into its own folder is followed", () => {
  it.each<[what: string, target: () => string, path: string, listed: string[]]>([
    ["to a file", () => "sub/a.txt", "b.txt", ["b.txt", "config.json", "sub/a.txt"]],
    [
      "to a file, by its whole path",
      () => join(model, "sub/a.txt"),
      "b.txt",
      ["b.txt", "config.json", "sub/a.txt"],
    ],
    ["up from a folder", () => "../config.json", "sub/c.json", ["config.json", "sub/a.txt", "sub/c.json"]],
    ["to a folder", () => "sub", "vocab", ["config.json", "sub/a.txt", "vocab/a.txt"]],
    ["out and in again", () => "../model/sub/a.txt", "b.txt", ["b.txt", "config.json", "sub/a.txt"]],
  ])("%s", async (_, target, path, listed) => {
    await linkTo(target(), path);
    expect(await listing()).toEqual(listed);
  });

  it("through other links", async () => {
    await linkTo("second", "first");
    await linkTo("third/a.txt", "second");
    await linkTo("sub", "third");
    const source = await openFolder(model);
    expect(source.files.get("first")).toEqual({ size: 1 });
    expect((await source.read("first")).toString()).toBe("a");
  });

  it("and ends where it leads back up, to itself or nowhere", async () => {
    await linkTo("..", "sub/up");
    await linkTo(model, "sub/whole");
    await linkTo("itself", "itself");
    await linkTo("two", "one");
    await linkTo("one", "two");
    await linkTo("gone", "dangling");
    await linkTo("config.json/x", "below-a-file");
    expect(await listing()).toEqual(["config.json", "sub/a.txt"]);
  });

  it("where the folder is one itself", async () => {
    await linkTo("sub/a.txt", "b.txt");
    await symlink(model, join(root, "named"));
    expect(await listing(join(root, "named"))).toEqual(["b.txt", "config.json", "sub/a.txt"]);
  });

  it("and to the stores in which git-annex and DVC keep its files, though they are hidden", async () => {
    await write("model/.git/annex/objects/x/y/SHA256E-s1--0/SHA256E-s1--0", "annexed");
    await write("model/.dvc/cache/files/md5/00/11", "cached");
    await linkTo(".git/annex/objects/x/y/SHA256E-s1--0/SHA256E-s1--0", "vocab.txt");
    await linkTo("../.dvc/cache/files/md5/00/11", "sub/b.txt");
    const source = await openFolder(model);
    expect((await source.read("vocab.txt")).toString()).toBe("annexed");
    expect((await source.read("sub/b.txt")).toString()).toBe("cached");
  });
});

describe("a link out of its folder is never opened", () => {
  const outside: [what: string, target: () => string][] = [
    ["to a file", () => "../secret/token"],
    ["to a file, by its whole path", () => join(root, "secret/token")],
    ["to a process's environment", () => "/proc/self/environ"],
    ["to a device", () => "/dev/zero"],
    ["to a folder beside, whose name begins alike", () => "../model-2/token"],
    ["by way of the root", () => `/proc/self/root${join(root, "secret/token")}`],
  ];

  it.each(outside)("%s", async (_, target) => {
    await write("model-2/token", SECRET);
    await linkTo(target(), "README.md");
    const source = await openFolder(model);
    const message = `README.md is a link to ${target()}, outside of the folder: only files of the model's own folder are read.`;
    expect((await refusal()).message).toBe(message);
    for (const attempt of [
      () => source.read("README.md"),
      () => source.readRange("README.md", 0, 1),
      () => source.localPath("README.md"),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ message, exitCode: 2 });
    }
  });

  it("through a link in its folder, or a folder that is one", async () => {
    await linkTo("../../secret/token", "sub/next");
    await linkTo("sub/next", "README.md");
    await linkTo("../secret", "vocab");
    await linkTo("vocab/token", "notes.txt");
    expect(await listing()).toEqual([
      "README.md",
      "config.json",
      "notes.txt",
      "sub/a.txt",
      "sub/next",
      "vocab/",
    ]);
    const { message } = await refusal();
    expect(message).toMatch(
      /^README.md is a link to sub\/next, outside .*, notes.txt is a link to vocab\/token/,
    );
    expect(message).toMatch(/vocab\/ is a link to \.\.\/secret, outside of the folder/);
  });

  it("and all that would be read are named at once", async () => {
    await linkTo("../secret/token", "README.md");
    await linkTo("../secret/token", "vocab.txt");
    await linkTo("../secret/token", "train.csv");
    await linkTo("../secret", "runs");
    await expect((await openFolder(model)).read("vocab.txt")).rejects.toThrow(
      /^vocab.txt is a link to [^,]*, outside of the folder, README.md is a link to [^,]*, outside of the folder: only/,
    );
  });

  it("nor one to what is hidden in it", async () => {
    await write("model/.env", SECRET);
    await write("model/.git/config", SECRET);
    await linkTo(".env", "notes.txt");
    await linkTo("../.git", "sub/history");
    expect((await refusal()).message).toMatch(
      /^notes.txt is a link to .env, a hidden file, sub\/history\/ is a link to \.\.\/\.git, a hidden file: /,
    );
  });

  it("and what stays behind by its kind is named, not refused", async () => {
    await linkTo("../secret/token", "train.csv");
    await linkTo("../secret", "runs");
    await linkTo("../secret", ".venv");
    await linkTo("../secret", "checkpoint-500");
    const { files } = await openFolder(model);
    const { kept, omitted } = sortFiles({ files, contents: new Map() });
    expect(kept).toEqual(["config.json", "sub/a.txt"]);
    expect(omitted).toEqual([
      { path: ".venv/", reason: "hidden files and caches" },
      { path: "checkpoint-500/", reason: "state of a training" },
      { path: "runs/", reason: "state of a training" },
      { path: "train.csv", reason: "tables of data" },
    ]);
  });

  it.each<[how: string, put: (target: string, place: string) => Promise<void>]>([
    ["a copy", copyFile],
    ["a hard link", link],
    ["a hard link, as docs/convert.md makes it", inShell('ln -f "$(readlink -f labels.txt)" labels.txt')],
    [
      "a copy, as docs/convert.md makes it",
      inShell('cp --remove-destination "$(readlink -f labels.txt)" labels.txt'),
    ],
  ])("until %s is in its place, as the remedy says", async (_, put) => {
    await linkTo("../secret/token", "labels.txt");
    expect((await refusal()).remedy).toBe(
      "Put a copy or a hard link of what belongs to the model in the place of it, or remove it.",
    );
    if (put === copyFile || put === link) await unlink(join(model, "labels.txt"));
    await put(join(root, "secret/token"), join(model, "labels.txt"));
    const { files } = await openFolder(model);
    expect(sortFiles({ files, contents: new Map() }).kept).toContain("labels.txt");
  });
});

describe("what is no file is never opened, nor waited for", () => {
  it("a pipe, a socket", async () => {
    execFileSync("mkfifo", [join(model, "vocab.txt")]);
    const server = createServer().listen(join(model, "merges.txt"));
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const source = await openFolder(model);
    await expect(source.read("vocab.txt")).rejects.toThrow("vocab.txt is a named pipe, not a file");
    expect((await refusal()).message).toMatch(
      /merges.txt is a socket, not a file, vocab.txt is a named pipe/,
    );
  });

  it("a link to one, in the folder or outside", async () => {
    execFileSync("mkfifo", [join(root, "pipe"), join(model, "sub/pipe")]);
    await linkTo("../pipe", "vocab.txt");
    await linkTo("sub/pipe", "merges.txt");
    expect((await refusal()).message).toMatch(
      /merges.txt is a named pipe, not a file, sub\/pipe is a named .*, vocab.txt is a link to \.\.\/pipe, outside/,
    );
  });
});

describe("a snapshot of a Hub cache", () => {
  const BLOB = "0".repeat(40);
  let repo: string;
  let snapshot: string;
  beforeEach(async () => {
    repo = join(root, "hub", "models--org--name");
    snapshot = join(repo, "snapshots", "1".repeat(40));
    await write(`hub/models--org--name/blobs/${BLOB}`, "{}");
    await write("hub/models--org--other/blobs/1", SECRET);
    await mkdir(join(snapshot, "1_Pooling"), { recursive: true });
    await symlink(`../../blobs/${BLOB}`, join(snapshot, "config.json"));
    await symlink(`../../../blobs/${BLOB}`, join(snapshot, "1_Pooling", "config.json"));
  });

  it("is read from the blobs of its repository, whatever it is called by", async () => {
    await symlink(snapshot, join(root, "named"));
    await symlink(join(root, "hub"), join(root, "cache"));
    const viaCache = join(root, "cache", "models--org--name", "snapshots", "1".repeat(40));
    for (const folder of [snapshot, join(root, "named"), viaCache]) {
      expect(await listing(folder)).toEqual(["1_Pooling/config.json", "config.json"]);
      expect((await (await openFolder(folder)).read("config.json")).toString()).toBe("{}");
    }
    expect(await listing(join(snapshot, "1_Pooling"))).toEqual(["config.json"]);
  });

  it.each([
    ["another repository's blobs", "../../../models--org--other/blobs/1"],
    ["another file of its repository", "../../refs/main"],
    ["all of its blobs", "../../blobs"],
    ["a link among its blobs", "../../blobs/link"],
    ["a file below its blobs", "../../blobs/sub/1"],
    ["any other file", "../../../../secret/token"],
  ])("but not from %s", async (_, target) => {
    await write("hub/models--org--name/refs/main", SECRET);
    await write("hub/models--org--name/blobs/sub/1", SECRET);
    await symlink(join(root, "secret/token"), join(repo, "blobs", "link"));
    await symlink(target, join(snapshot, "README.md"));
    expect((await refusal(snapshot)).message).toMatch(/^README.md.? is a link to .*, outside of the folder/);
  });

  it("nor where its blobs are a link themselves", async () => {
    await rename(join(repo, "blobs"), join(root, "elsewhere"));
    await symlink(join(root, "elsewhere"), join(repo, "blobs"));
    expect((await refusal(snapshot)).message).toMatch(/config.json is a link to/);
  });

  it("is what it is called only in its own place", async () => {
    await write("blobs/abc", SECRET);
    await mkdir(join(root, "snapshots", "main"), { recursive: true });
    await symlink("../../blobs/abc", join(root, "snapshots", "main", "config.json"));
    expect((await refusal(join(root, "snapshots", "main"))).message).toMatch(/config.json is a link/);
  });
});

describe("what is put in a file's place after its folder was opened", () => {
  it.each<[what: string, swap: (path: string) => Promise<unknown>]>([
    ["a link", (path) => symlink(join(root, "secret/token"), path)],
    ["a hard link", (path) => link(join(root, "secret/token"), path)],
    ["a pipe", async (path) => execFileSync("mkfifo", [path])],
    ["a folder", (path) => mkdir(path)],
  ])("is not opened: %s", async (_, swap) => {
    const source = await openFolder(model);
    await unlink(join(model, "config.json"));
    await swap(join(model, "config.json"));
    for (const attempt of [() => source.read("config.json"), () => source.localPath("config.json")]) {
      await expect(attempt()).rejects.toMatchObject({
        message: "config.json was replaced by another file since its folder was opened",
        remedy: "Leave the folder alone and run again.",
      });
    }
  });

  it("nor through a folder on the way to it", async () => {
    await write("secret/a.txt", SECRET);
    const source = await openFolder(model);
    await rm(join(model, "sub"), { recursive: true });
    await symlink(join(root, "secret"), join(model, "sub"));
    await expect(source.read("sub/a.txt")).rejects.toThrow(/sub\/a.txt was replaced by another file/);
    await expect(source.localPath("sub/a.txt")).rejects.toThrow(/sub\/a.txt was replaced/);
  });

  it("while the file itself may be longer or shorter by then", async () => {
    const source = await openFolder(model);
    await truncate(join(model, "config.json"), 1);
    expect(await source.read("config.json")).toEqual(await readFile(join(model, "config.json")));
  });
});
