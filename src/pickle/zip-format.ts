import type { FileHandle } from "node:fs/promises";
import { quote } from "../base/quote.js";
import { damaged, refused } from "./faults.js";
import { readBytes } from "./read-bytes.js";
import { createStorageTable, storageBytes } from "./storages.js";
import { TORCH_GLOBALS } from "./torch-globals.js";
import { MAX_PICKLE_BYTES, unpickle } from "./unpickle.js";
import type { Extent, RawStateDict } from "./values.js";
import { locateEntry, readZipDirectory, type ZipDirectory } from "./zip.js";

/** Everything in the archive lies in one folder, whose name is free. */
const PICKLE_PATTERN = /^([^/]+)\/data\.pkl$/;

/** "little" and "big" fit, and nothing else is expected. */
const MAX_BYTEORDER_BYTES = 16;

/**
 * Reads PyTorch's format since 1.6: a zip archive of `data.pkl`, the bytes of each storage in `data/KEY`,
 * and in later versions `byteorder`.
 * @param fileSize in bytes
 * @throws PickleError if the archive or its pickle is damaged, holds code, or is not little-endian.
 */
export async function readZipFormat(file: FileHandle, fileSize: number): Promise<RawStateDict> {
  const directory = await readZipDirectory(file, fileSize);
  const folder = findFolder(directory);
  const find = async (name: string): Promise<Extent | undefined> => {
    const entry = directory.entries.get(`${folder}/${name}`);
    return entry && locateEntry(file, entry, directory);
  };
  const readSmall = async (name: string, limit: number): Promise<Buffer | undefined> => {
    const extent = await find(name);
    if (!extent) return undefined;
    const { begin, size } = extent;
    if (size > limit) {
      throw damaged(`${name} in the zip archive has ${size} bytes; at most ${limit} are read`);
    }
    return readBytes(file, begin, begin + size);
  };

  if (directory.entries.has(`${folder}/constants.pkl`)) {
    throw refused("holds a TorchScript program (constants.pkl), expected a state dict");
  }
  const byteOrder = await readSmall("byteorder", MAX_BYTEORDER_BYTES);
  if (byteOrder && byteOrder.toString() !== "little") {
    throw refused(
      `has the byte order ${quote(byteOrder.toString())}; weights are read as they lie, little-endian`,
    );
  }
  const pickle = await readSmall("data.pkl", MAX_PICKLE_BYTES);
  if (!pickle) throw damaged("the zip archive holds no data.pkl");

  const storages = createStorageTable();
  const { value: root } = unpickle(pickle, 0, { globals: TORCH_GLOBALS, persistentLoad: storages.load });
  const extents = new Map<string, Extent>();
  for (const [key, announced] of storages.announced) {
    const extent = await find(`data/${key}`);
    const bytes = storageBytes(announced);
    if (!extent) throw damaged(`storage ${quote(key)} has no entry data/${key} in the zip archive`);
    if (bytes === undefined || extent.size < bytes) {
      const { elements, dtype } = announced;
      throw damaged(
        `storage ${quote(key)} has ${extent.size} bytes, its pickle announces ${elements} × ${dtype}`,
      );
    }
    extents.set(key, extent);
  }
  return { root, extents };
}

function findFolder({ entries }: ZipDirectory): string {
  const folders = [...entries.keys()].flatMap((name) => PICKLE_PATTERN.exec(name)?.[1] ?? []);
  const [folder] = folders;
  if (folder === undefined) throw damaged("is a zip archive without data.pkl, so none that PyTorch wrote");
  if (folders.length > 1) {
    throw damaged(`the zip archive holds ${folders.length} files data.pkl, expected one`);
  }
  return folder;
}
