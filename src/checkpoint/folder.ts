import type { Stats } from "node:fs";
import { open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CheckpointError, systemErrorCode } from "../base/errors.js";
import type { FileInfo, FileSource } from "./file-source.js";
import { refuseUnfinished } from "./interrupted/put-right.js";
import { parseWorkName } from "./interrupted/work-name.js";

/** Folders that hold no files of the model. */
const SKIPPED_FOLDERS = /^(\.git|\.cache|node_modules)$/;

/** Files in one model; a home folder named by mistake ends here instead of after minutes. */
const MAX_FILES = 10_000;

/** `read` returns a file whole; the largest tokenizers have tens of megabytes. */
const MAX_READ_SIZE = 256 * 2 ** 20;

/** The git-lfs specification keeps pointer files below this many bytes. */
const MAX_LFS_POINTER_SIZE = 1024;
const LFS_POINTER_START = "version https://git-lfs.github.com/spec/v1";

/**
 * Opens a folder on this machine as a source of model files, symbolic links followed.
 * @throws CheckpointError if there is no such folder, it cannot be read, or it is not whole.
 */
export async function openFolder(path: string): Promise<FileSource> {
  const root = resolve(path);
  const name = folderName(root);
  await refuseUnfinished(path);
  const files = await listFiles(root, path);

  async function locate(file: string): Promise<string> {
    const { size } = requireFile(name, files, file);
    const absolute = join(root, ...file.split("/"));
    if (size <= MAX_LFS_POINTER_SIZE) await refuseLfsPointer(absolute, file);
    return absolute;
  }

  return {
    name,
    origin: { kind: "folder", path: root },
    files,
    readRange: async (file, start, end) => readFileRange(await locate(file), file, start, end),
    read: async (file) => readWholeFile(await locate(file), file),
    localPath: (file) => locate(file),
  };
}

/**
 * The entry of `path` in a source's list of files; paths outside the model are on no such list.
 * @throws CheckpointError if it is not there.
 */
export function requireFile<T extends FileInfo>(
  source: string,
  files: ReadonlyMap<string, T>,
  path: string,
): T {
  const info = files.get(path);
  if (info === undefined) throw new CheckpointError(`"${source}" has no file ${path}.`);
  return info;
}

/**
 * Reads the bytes `[start, end)` of a local file.
 * @param label the file's name in error messages.
 * @throws CheckpointError if it cannot be read or ends before `end`.
 */
export async function readFileRange(
  absolute: string,
  label: string,
  start: number,
  end: number,
): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  const length = await reading(label, async () => {
    const handle = await open(absolute);
    try {
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    } finally {
      await handle.close();
    }
  });
  if (length < bytes.length) throw endsTooEarly(label, start + length, end);
  return bytes;
}

/** Reads a small local file. @throws CheckpointError if it cannot be read or is no small file. */
export async function readWholeFile(absolute: string, label: string): Promise<Buffer> {
  const { size } = await reading(label, () => stat(absolute));
  refuseLargeRead(label, size);
  return reading(label, () => readFile(absolute));
}

/** @throws CheckpointError if a file is too large to be a config or a tokenizer. */
export function refuseLargeRead(label: string, size: number): void {
  if (size <= MAX_READ_SIZE) return;
  throw new CheckpointError(
    `${label} has ${size} bytes; a configuration or tokenizer file may have ${MAX_READ_SIZE}.`,
  );
}

/** The error for a range that goes beyond the `size` bytes of a file. */
export function endsTooEarly(label: string, size: number, end: number): CheckpointError {
  return new CheckpointError(
    `${label} ends after ${size} bytes; bytes up to ${end} were expected.`,
    "The file is incomplete: download or copy it again.",
  );
}

/** `org/name` for a snapshot in a Hub cache (`models--org--name/snapshots/<commit>`), else the last part. */
function folderName(root: string): string {
  const repoFolder = basename(dirname(dirname(root)));
  if (basename(dirname(root)) === "snapshots" && repoFolder.startsWith("models--")) {
    return repoFolder.slice("models--".length).replace("--", "/");
  }
  return basename(root) || "model";
}

async function listFiles(root: string, label: string): Promise<ReadonlyMap<string, FileInfo>> {
  const files = new Map<string, FileInfo>();

  async function walk(folder: string, prefix: string, ancestors: readonly string[]): Promise<void> {
    const real = await reading(prefix || label, () => realpath(folder));
    if (ancestors.includes(real)) return; // a link that leads back up
    const entries = await reading(prefix || label, () => readdir(folder));
    for (const entry of entries.sort()) {
      const info = await reading(prefix + entry, () => statOrNothing(join(folder, entry)));
      if (info?.isFile()) files.set(prefix + entry, { size: info.size });
      if (files.size > MAX_FILES) {
        throw new CheckpointError(
          `"${label}" holds more than ${MAX_FILES} files; a model's folder does not.`,
          "Name the folder that config.json lies in.",
        );
      }
      if (info?.isDirectory() && !isSkipped(entry)) {
        await walk(join(folder, entry), `${prefix}${entry}/`, [...ancestors, real]);
      }
    }
  }

  await walk(root, "", []);
  return files;
}

/** Nor does what we write beside a model, or a killed run of ours has left. */
function isSkipped(entry: string): boolean {
  return SKIPPED_FOLDERS.test(entry) || parseWorkName(entry) !== undefined;
}

/** Nothing for a link whose target is gone: a Hub cache that was cleaned by hand has such links. */
async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ELOOP") return undefined;
    throw error;
  }
}

async function refuseLfsPointer(absolute: string, label: string): Promise<void> {
  const content = await readWholeFile(absolute, label);
  if (!content.toString("latin1").startsWith(LFS_POINTER_START)) return;
  throw new CheckpointError(
    `${label} is a Git LFS pointer, not the file itself: the repository was cloned without git-lfs.`,
    "Run `git lfs pull` in the folder.",
  );
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "it is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
};

async function reading<T>(label: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new CheckpointError(`Cannot read ${label}: ${SYSTEM_ERRORS[code] ?? code}.`, undefined, {
      cause: error,
    });
  }
}
