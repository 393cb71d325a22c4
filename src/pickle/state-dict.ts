import { type FileHandle, open } from "node:fs/promises";
import { PickleError } from "../base/errors.js";
import { pythonText } from "../base/python-command.js";
import { quote } from "../base/quote.js";
import { MAX_NAME } from "../safetensors/header.js";
import { damaged, describe, FILE, refused } from "./faults.js";
import { findStateDict } from "./find-state-dict.js";
import { readLegacyFormat } from "./legacy-format.js";
import { readBytes } from "./read-bytes.js";
import { proveTensor, type StoredTensor } from "./stored-tensor.js";
import { isKind, type RawStateDict } from "./values.js";
import { readZipFormat } from "./zip-format.js";

/** The tensors of a PyTorch file by name, in the file's order. No weights have been read. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of what else the dict holds: numbers, texts, lists. */
  readonly ignored: readonly string[];
  /** The keys that lead to it in a training checkpoint; none where the file holds it alone. */
  readonly keys: readonly string[];
}

const ZIP_SIGNATURE = "PK\x03\x04";

/** Every pickle that torch.save wrote begins with the number of its protocol, which is 2 at least. */
const PICKLE_SIGNATURE = 0x80;

/** Where a tar archive says that it is one. */
const TAR_SIGNATURE = { text: "ustar", at: 257 };

/**
 * Reads which tensors a PyTorch file (`pytorch_model.bin`, both formats of `torch.save`) holds and where
 * their bytes lie, without executing anything of it.
 * @param path of the file
 * @param displayName what errors call the file
 * @throws PickleError if the file is damaged, is not a plain state dict, or names anything beyond what tensors
 * need; and the system's error if the file cannot be opened or read.
 */
export async function readStateDict(path: string, displayName: string): Promise<StateDict> {
  const file = await open(path);
  try {
    return proveStateDict(await readFormat(file));
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    const remedy = error.remedy?.replaceAll(FILE, pythonText(displayName));
    throw new PickleError(`${displayName}: ${error.message}`, remedy, { cause: error });
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
  if (head[0] !== PICKLE_SIGNATURE) throw foreign(head);
  return readLegacyFormat(file, size);
}

function proveStateDict({ root, extents }: RawStateDict): StateDict {
  if (!(root instanceof Map)) throw refused(`holds ${describe(root)}, expected a dict of tensors`);
  const { dict, keys } = findStateDict(root);
  const tensors = new Map<string, StoredTensor>();
  const ignored: string[] = [];
  for (const [name, value] of dict) {
    if (typeof name !== "string") throw damaged(`has the key ${describe(name)}, expected a tensor's name`);
    if (name.length > MAX_NAME) {
      throw damaged(`has the key ${quote(name)} of ${name.length} characters, at most ${MAX_NAME} are read`);
    }
    if (isKind(value, "tensor")) tensors.set(name, proveTensor(name, value, extents));
    else ignored.push(name);
  }
  if (tensors.size === 0) throw refused(`holds ${describe(root)} without a tensor, expected a state dict`);
  return { tensors, ignored, keys };
}

/** Other files that are found under a PyTorch file's name, by their first bytes. */
const FORMATS: readonly { begins: readonly string[]; is: string; remedy: string }[] = [
  {
    begins: ["GGUF", "lmgg", "fmgg", "tjgg", "algg"],
    is: "is a file of llama.cpp or ggml",
    remedy:
      "Convert the checkpoint that it was made from; lsg makes graphs of 8 and 4 bits of it (--onnx q8,q4).",
  },
  {
    begins: ["\x89HDF"],
    is: "is an HDF5 file, of Keras",
    remedy:
      "Call it tf_model.h5, open the folder in transformers 4 (from_tf=True) and save it with save_pretrained.",
  },
  {
    begins: ["\x1f\x8b"],
    is: "is compressed with gzip",
    remedy: "Unpack it in a copy of the folder, and call the result as this file is called.",
  },
  {
    begins: ["<!", "<html", "<HTML", "<?xml"],
    is: "is a web page, not the file itself",
    remedy: "Download the file again: a server has sent a page in its place.",
  },
];

/** The error for a file that torch.load does not open either. @param head its first bytes */
function foreign(head: Buffer): PickleError {
  const text = head.toString("latin1").trimStart();
  const known = FORMATS.find(({ begins }) => begins.some((bytes) => text.startsWith(bytes)));
  if (known) return new PickleError(known.is, known.remedy);
  return new PickleError(
    `is no file that torch.save wrote: its first bytes are ${head.subarray(0, 4).toString("hex")}`,
    "Download the file again, or save the state dict again with torch.save.",
  );
}
