import { type FileHandle, open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CheckpointError, systemErrorCode, whyOfSystemError } from "../base/errors.js";
import { kindOfPath, TABLE } from "./file-kinds.js";
import type { FileInfo, FileSource } from "./file-source.js";
import { refuseUnfinished } from "./interrupted/put-right.js";
import { parseWorkName } from "./interrupted/work-name.js";
import { entriesOf, openPlace, type Place, refusedEntries, requirePlace } from "./links.js";

/** Folders that hold no files of the model. */
const SKIPPED_FOLDERS = /^(\.git|\.cache|node_modules)$/;

/** Files in one model; a home folder named by mistake ends here instead of after minutes. */
const MAX_FILES = 10_000;

/** `read` returns a file whole; the largest tokenizers have tens of megabytes. */
const MAX_READ_SIZE = 256 * 2 ** 20;

/** The git-lfs specification keeps pointer files below this many bytes. */
const MAX_LFS_POINTER_SIZE = 1024;
const LFS_POINTER_START = "version https://git-lfs.github.com/spec/v1";

export interface FolderOptions {
  /** Name links that lead nowhere among the files: see `entriesOf`. */
  readonly asFound?: boolean | undefined;
}

/**
 * Opens a folder on this machine as a source of model files. Links are followed inside of it, and from a snapshot of a
 * Hub cache to its blobs.
 * @throws CheckpointError if there is no such folder, it cannot be read, or it is not whole.
 */
export async function openFolder(path: string, { asFound = false }: FolderOptions = {}): Promise<FileSource> {
  const root = resolve(path);
  const name = folderName(root);
  await refuseUnfinished(path);
  const { files, places } = await listFiles(root, path, asFound);

  async function locate(file: string): Promise<Place> {
    const { size } = requireFile(name, files, file);
    const place = places.get(file);
    if (!place) throw refusedEntries(refusedIn(files, file));
    if (size <= MAX_LFS_POINTER_SIZE)
      await withPlace(place, file, (handle) => refuseLfsPointer(handle, file));
    return place;
  }

  return {
    name,
    origin: { kind: "folder", path: root },
    files,
    readRange: async (file, start, end) =>
      withPlace(await locate(file), file, (handle) => readRangeOf(handle, file, start, end)),
    read: async (file) => withPlace(await locate(file), file, (handle) => readWhole(handle, file)),
    async localPath(file) {
      const place = await locate(file);
      await reading(file, () => requirePlace(place, file));
      return place.path;
    },
  };
}

/** What is refused of a folder, so that it is told at once: the file that was asked for, and others that may be. */
function refusedIn(files: ReadonlyMap<string, FileInfo>, asked: string): Map<string, string> {
  const others = [...files.keys()].filter((path) => kindOfPath(path) === undefined && !TABLE.test(path));
  return new Map(
    [asked, ...others].flatMap((path) => {
      const reason = files.get(path)?.refused;
      return reason === undefined ? [] : [[path, reason] as const];
    }),
  );
}

/** Opens a file for the time of one use. */
async function withPlace<T>(
  place: Place,
  label: string,
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  return reading(label, async () => {
    const handle = await openPlace(place, label);
    try {
      return await use(handle);
    } finally {
      await handle.close();
    }
  });
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
  return reading(label, async () => {
    const handle = await open(absolute);
    try {
      return await readRangeOf(handle, label, start, end);
    } finally {
      await handle.close();
    }
  });
}

async function readRangeOf(handle: FileHandle, label: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw endsTooEarly(label, start + filled, end);
    filled += bytesRead;
  }
  return bytes;
}

/** Reads a small local file. @throws CheckpointError if it cannot be read or is not a small file. */
export async function readWholeFile(absolute: string, label: string): Promise<Buffer> {
  const { size } = await reading(label, () => stat(absolute));
  refuseLargeRead(label, size);
  return reading(label, () => readFile(absolute));
}

async function readWhole(handle: FileHandle, label: string): Promise<Buffer> {
  refuseLargeRead(label, (await handle.stat()).size);
  return handle.readFile();
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

/** What a folder holds, and where: only files that are opened have places. */
interface Listing {
  readonly files: ReadonlyMap<string, FileInfo>;
  readonly places: ReadonlyMap<string, Place>;
}

async function listFiles(root: string, label: string, asFound: boolean): Promise<Listing> {
  const files = new Map<string, FileInfo>();
  const places = new Map<string, Place>();
  const top = await reading(label, () => realpath(root));
  const entryAt = entriesOf(top, { dangling: asFound ? "refused" : "ignored" });

  async function walk(folder: string, prefix: string, ancestors: readonly string[]): Promise<void> {
    if (ancestors.includes(folder)) return; // a link that leads back up
    const names = await reading(prefix || label, () => readdir(folder));
    for (const name of names.sort()) {
      const path = prefix + name;
      const entry = await reading(path, () => entryAt(join(folder, name)));
      if (entry?.kind === "file") {
        files.set(path, { size: entry.size });
        places.set(path, entry.place);
      } else if (entry?.kind === "refused") {
        files.set(entry.isFolder ? `${path}/` : path, { size: 0, refused: entry.reason });
      }
      if (files.size > MAX_FILES) {
        throw new CheckpointError(
          `"${label}" holds more than ${MAX_FILES} files; a model's folder does not.`,
          "Name the folder that config.json lies in.",
        );
      }
      if (entry?.kind === "folder" && !isSkipped(name)) {
        await walk(entry.path, `${path}/`, [...ancestors, folder]);
      }
    }
  }

  await walk(top, "", []);
  return { files, places };
}

/** Nor does what we write beside a model, or a killed run of ours has left. */
function isSkipped(name: string): boolean {
  return SKIPPED_FOLDERS.test(name) || parseWorkName(name) !== undefined;
}

async function refuseLfsPointer(handle: FileHandle, label: string): Promise<void> {
  const content = await readWhole(handle, label);
  if (!content.toString("latin1").startsWith(LFS_POINTER_START)) return;
  throw new CheckpointError(
    `${label} is a Git LFS pointer, not the file itself: the repository was cloned without git-lfs.`,
    "Run `git lfs pull` in the folder.",
  );
}

async function reading<T>(label: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new CheckpointError(`Cannot read ${label}: ${whyOfSystemError(code)}.`, undefined, {
      cause: error,
    });
  }
}
