import type { Dtype } from "../safetensors/dtype.js";
import { type Header, LENGTH_BYTES, parseHeader, parseHeaderLength } from "../safetensors/header.js";
import type { FileSource, TransferOptions } from "./file-source.js";
import type { KeptBlocks } from "./kept-blocks.js";

/** Where a tensor's bytes are. Nothing of them has been read. */
export interface CheckpointTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Weight file, a path below the checkpoint's root. */
  readonly file: string;
  /** First byte in that file. */
  readonly begin: number;
  /** In elements, where the tensor does not lie contiguous in the file (PyTorch's files only). */
  readonly strides?: readonly number[];
  /** The storage that it repeats, if it has more bytes than that (PyTorch's files only). */
  readonly beyondStorage?: { readonly key: string; readonly bytes: number };
  /** Of a matrix of which the file holds some blocks only: `shape` is the whole's. */
  readonly kept?: KeptBlocks;
  /** The same text means the same view of the same storage: tied tensors (PyTorch's files only). */
  readonly storage?: string;
}

/** A weight file and what its header says besides tensors. */
export interface WeightFile {
  readonly path: string;
  /** By its content, whatever the file is called. */
  readonly format: "safetensors" | "PyTorch";
  readonly metadata: ReadonlyMap<string, string> | undefined;
  /** Names of all tensors in it, whatever an index says of them. */
  readonly tensorNames: readonly string[];
  /** The keys that lead to the weights in a training checkpoint; none in any other file. */
  readonly keys: readonly string[];
}

export interface WeightFileContent extends Omit<WeightFile, "tensorNames"> {
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** Names of what is not a tensor. */
  readonly ignored: readonly string[];
}

/**
 * Reads where the tensors of a weight file lie, by its content: safetensors files are found under PyTorch's names, and
 * the other way round.
 * @throws CheckpointError if it is damaged, or names more than tensors.
 */
export async function readWeightFile(
  source: FileSource,
  path: string,
  transfer: TransferOptions = {},
): Promise<WeightFileContent> {
  // A PyTorch file is read from the disk: it is fetched whole, and not a piece before.
  if (!path.endsWith(".safetensors")) await source.localPath(path, transfer);
  const size = source.files.get(path)?.size ?? 0;
  const head = await source.readRange(path, 0, Math.min(size, LENGTH_BYTES + 1));
  const format = formatOf(head) ?? (path.endsWith(".safetensors") ? "safetensors" : "PyTorch");
  return format === "safetensors"
    ? readSafetensors(source, path, size, head.subarray(0, LENGTH_BYTES))
    : readPyTorch(source, path, transfer);
}

/** What a weight file is by its first bytes; undefined where they tell nothing. @param head LENGTH_BYTES + 1 of them */
export function formatOf(head: Buffer): WeightFile["format"] | undefined {
  if (head.toString("latin1", 0, 4) === "PK\x03\x04") return "PyTorch";
  // A pickle of protocol 2 to 5. As a length it would be one of 2^56 bytes and more.
  if (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5 && head[7] !== 0) return "PyTorch";
  return head[LENGTH_BYTES] === "{".charCodeAt(0) ? "safetensors" : undefined;
}

async function readSafetensors(
  source: FileSource,
  path: string,
  size: number,
  lengthBytes: Buffer,
): Promise<WeightFileContent> {
  const length = parseHeaderLength(lengthBytes, size, path);
  const json = await source.readRange(path, LENGTH_BYTES, LENGTH_BYTES + length);
  const header: Header = parseHeader(json, size, path);
  const tensors = [...header.tensors].map(([name, { dtype, shape, data_offsets }]) => {
    return [name, { dtype, shape, file: path, begin: header.dataStart + data_offsets[0] }] as const;
  });
  return {
    path,
    format: "safetensors",
    metadata: header.metadata,
    tensors: new Map(tensors),
    ignored: [],
    keys: [],
  };
}

async function readPyTorch(
  source: FileSource,
  path: string,
  transfer: TransferOptions,
): Promise<WeightFileContent> {
  const { readStateDict } = await import("../pickle/state-dict.js");
  const { tensors, ignored, keys } = await readStateDict(await source.localPath(path, transfer), path);
  const entries = [...tensors].map(([name, tensor]) => {
    return [name, { ...tensor, file: path, storage: `${path}:${tensor.storage}` }] as const;
  });
  return { path, format: "PyTorch", metadata: undefined, tensors: new Map(entries), ignored, keys };
}

/** A weight file without its tensors, which a checkpoint has. */
export function asWeightFile({ path, format, metadata, keys, tensors }: WeightFileContent): WeightFile {
  return { path, format, metadata, keys, tensorNames: [...tensors.keys()] };
}
