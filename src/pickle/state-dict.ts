import { type FileHandle, open } from "node:fs/promises";
import { PickleError } from "../base/errors.js";
import { damaged, describe, quote, refused } from "./faults.js";
import { readLegacyFormat } from "./legacy-format.js";
import { readBytes } from "./read-bytes.js";
import { proveTensor, type StoredTensor } from "./stored-tensor.js";
import { isKind, type PickleDict, type PickleValue, type RawStateDict } from "./values.js";
import { readZipFormat } from "./zip-format.js";

/** The tensors of a PyTorch file by name, in the file's order. No weights have been read. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of what else the dict holds: numbers, texts, lists. */
  readonly ignored: readonly string[];
}

const ZIP_SIGNATURE = "PK\x03\x04";

/** Where a tar archive says that it is one. */
const TAR_SIGNATURE = { text: "ustar", at: 257 };

/**
 * Reads which tensors a PyTorch file (`pytorch_model.bin`, both formats of `torch.save`) holds and where
 * their bytes lie, without executing anything of it.
 * @param path of the file
 * @param displayName what errors call the file
 * @throws PickleError if the file is damaged, is no plain state dict, or names anything beyond what tensors
 * need; and the system's error if the file cannot be opened or read.
 */
export async function readStateDict(path: string, displayName: string): Promise<StateDict> {
  const file = await open(path);
  try {
    return proveStateDict(await readFormat(file));
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new PickleError(`${displayName}: ${error.message}`, error.remedy, { cause: error });
  } finally {
    await file.close();
  }
}

async function readFormat(file: FileHandle): Promise<RawStateDict> {
  const { size } = await file.stat();
  if (size === 0) throw damaged("is empty");
  const head = await readBytes(file, 0, Math.min(size, TAR_SIGNATURE.at + TAR_SIGNATURE.text.length));
  if (head.toString("latin1", 0, ZIP_SIGNATURE.length) === ZIP_SIGNATURE) return readZipFormat(file, size);
  if (head.toString("latin1", TAR_SIGNATURE.at) === TAR_SIGNATURE.text) {
    throw refused("is a tar archive, PyTorch's first format, which is not supported");
  }
  return readLegacyFormat(file, size);
}

function proveStateDict({ root, extents }: RawStateDict): StateDict {
  if (!(root instanceof Map)) throw refused(`holds ${describe(root)}, expected a dict of tensors`);
  refuseNested(root);
  const tensors = new Map<string, StoredTensor>();
  const ignored: string[] = [];
  for (const [name, value] of root) {
    if (typeof name !== "string") throw damaged(`has the key ${describe(name)}, expected a tensor's name`);
    if (isKind(value, "tensor")) tensors.set(name, proveTensor(name, value, extents));
    else ignored.push(name);
  }
  if (tensors.size === 0) throw refused(`holds ${describe(root)} without a tensor, expected a state dict`);
  return { tensors, ignored };
}

/** A training checkpoint keeps the state dict beside the optimizer's; we do not guess which dict is meant. */
function refuseNested(root: PickleDict): void {
  // A hostile file can name one large dict many times; each is looked into once.
  const seen = new Set<PickleValue>();
  for (const [name, value] of root) {
    if (!(value instanceof Map) || seen.has(value)) continue;
    seen.add(value);
    const count = [...value.values()].filter((inner) => isKind(inner, "tensor")).length;
    if (count === 0) continue;
    const key = typeof name === "string" ? quote(name) : describe(name);
    throw new PickleError(
      `holds a dict of ${count} tensors under ${key}, expected a plain state dict`,
      `Save that dict alone: torch.save(torch.load(FILE, weights_only=True)[${key}], "pytorch_model.bin").`,
    );
  }
}
