import type { FileHandle } from "node:fs/promises";
import { quote } from "../base/quote.js";
import { damaged, describe, refused } from "./faults.js";
import { readBytes } from "./read-bytes.js";
import { type AnnouncedStorage, createStorageTable, storageBytes } from "./storages.js";
import { TORCH_GLOBALS } from "./torch-globals.js";
import { MAX_PICKLE_BYTES, type UnpickleRules, unpickle } from "./unpickle.js";
import type { Extent, PickleValue, RawStateDict } from "./values.js";

/** The first two pickles of every such file (PyTorch, `torch/serialization.py`). */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

/** Before each storage's bytes stands the number of its elements. */
const COUNT_BYTES = 8;

/** For the pickles around the state dict: they hold no storages. */
const WITHOUT_STORAGES: UnpickleRules = {
  globals: TORCH_GLOBALS,
  persistentLoad: (id) => {
    throw damaged(`the pickle has the persistent id ${describe(id)} where there is none`);
  },
};

/**
 * Reads PyTorch's format before 1.6: five pickles one after the other (magic number, version, system, the
 * state dict, the storages' keys), then each storage's number of elements and bytes in the order of the keys.
 * @param fileSize in bytes
 * @throws PickleError if the file is not of this format, is damaged, asks for code, or is not little-endian.
 */
export async function readLegacyFormat(file: FileHandle, fileSize: number): Promise<RawStateDict> {
  const head = await readBytes(file, 0, Math.min(fileSize, MAX_PICKLE_BYTES));
  let at = 0;
  const next = (rules: UnpickleRules): PickleValue => {
    const { value, end } = unpickle(head, at, rules);
    at = end;
    return value;
  };

  const magic = next(WITHOUT_STORAGES);
  if (magic !== MAGIC) throw damaged(`begins with ${describe(magic)}, expected PyTorch's magic number`);
  const version = next(WITHOUT_STORAGES);
  if (version !== PROTOCOL_VERSION) {
    throw damaged(`has the protocol version ${describe(version)}, expected ${PROTOCOL_VERSION}`);
  }
  const system = next(WITHOUT_STORAGES);
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw refused("was not written by a little-endian machine; weights are read as they lie");
  }
  const storages = createStorageTable();
  const root = next({ globals: TORCH_GLOBALS, persistentLoad: storages.load });
  const keys = next(WITHOUT_STORAGES);
  if (!Array.isArray(keys)) throw damaged(`has ${describe(keys)} as its list of storages`);

  const extents = new Map<string, Extent>();
  for (const key of keys) {
    const announced = typeof key === "string" ? storages.announced.get(key) : undefined;
    if (typeof key !== "string" || !announced) {
      throw damaged(`lists ${describe(key)}, a storage of no tensor`);
    }
    if (extents.has(key)) throw damaged(`lists storage ${quote(key)} twice`);
    const extent = await locateStorage(file, at, key, announced, fileSize);
    extents.set(key, extent);
    at = extent.begin + extent.size;
  }
  const absent = [...storages.announced.keys()].find((key) => !extents.has(key));
  if (absent !== undefined) throw damaged(`does not list storage ${quote(absent)}, which a tensor needs`);
  return { root, extents };
}

async function locateStorage(
  file: FileHandle,
  at: number,
  key: string,
  announced: AnnouncedStorage,
  fileSize: number,
): Promise<Extent> {
  const begin = at + COUNT_BYTES;
  const count = (await readBytes(file, at, begin)).readBigUInt64LE(0);
  const { elements, dtype } = announced;
  if (count !== BigInt(elements)) {
    throw damaged(`storage ${quote(key)} has ${count} elements, its pickle announces ${elements} × ${dtype}`);
  }
  const size = storageBytes(announced);
  if (size === undefined || begin + size > fileSize) {
    throw damaged(`is cut off: storage ${quote(key)} begins at byte ${begin} and has ${elements} × ${dtype}`);
  }
  return { begin, size };
}
