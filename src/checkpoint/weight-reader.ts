import { readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { CheckpointError } from "../base/errors.js";
import { gather } from "../pickle/stored-tensor.js";
import { isFloatDtype } from "../safetensors/dtype.js";
import { decodeFloats, type Floats } from "../safetensors/floats.js";
import { tensorBytes } from "../safetensors/header.js";
import type { Checkpoint } from "./checkpoint.js";
import type { TransferOptions } from "./file-source.js";
import { storedShape, withZeroBlocks } from "./kept-blocks.js";
import type { Rows } from "./rows.js";
import type { CheckpointTensor } from "./weight-file.js";

/** A run of bytes of an open file. */
export interface ByteRun {
  readonly file: FileHandle;
  readonly begin: number;
  readonly length: number;
}

/** Reads rows of a checkpoint's tensors, from files that stay open until it is closed. */
export interface WeightReader {
  /** Where some rows lie, as runs as long as possible. */
  locate(rows: Rows): AsyncIterable<ByteRun | Buffer>;
  /** The rows' values, one row after the other. */
  values(rows: Rows): Promise<Floats>;
  /** Rows of a tensor: the size of its first axis. */
  rowCount(tensor: string): number;
  close(): Promise<void>;
}

/**
 * Opens the weight files of a checkpoint, downloading those of a Hub model.
 * @throws CheckpointError or HubError if one cannot be had.
 */
export async function openWeights(
  { source, tensors, weightFiles }: Checkpoint,
  transferOf: (path: string) => TransferOptions,
): Promise<WeightReader> {
  const files = new Map<string, FileHandle>();
  const close = async () => {
    await Promise.all([...files.values()].map((file) => file.close()));
  };
  try {
    for (const { path } of weightFiles) {
      files.set(path, await open(await source.localPath(path, transferOf(path))));
    }
  } catch (error) {
    await close();
    throw error;
  }

  const tensorOf = (name: string): CheckpointTensor => {
    const tensor = tensors.get(name);
    if (!tensor) throw new CheckpointError(`tensor "${name}" is planned but not in the checkpoint`);
    return tensor;
  };
  const fileOf = (tensor: CheckpointTensor): FileHandle => {
    const file = files.get(tensor.file);
    if (!file) throw new CheckpointError(`${tensor.file} is not open`);
    return file;
  };

  // Of tensors that don't lie contiguous the last one is kept: its rows are asked for one after the other.
  let gathered: { name: string; bytes: Promise<Buffer> } | undefined;
  const gatherOnce = (name: string, tensor: CheckpointTensor) => {
    if (gathered?.name !== name) gathered = { name, bytes: wholeTensor(fileOf(tensor), tensor) };
    return gathered.bytes;
  };

  async function* locate({ tensor: name, start, count, step }: Rows): AsyncIterable<ByteRun | Buffer> {
    const tensor = tensorOf(name);
    const rowBytes = bytesPerRow(tensor);
    if (tensor.strides || tensor.kept) {
      const whole = await gatherOnce(name, tensor);
      for (let i = 0; i < count; i++)
        yield whole.subarray((start + i * step) * rowBytes, (start + i * step + 1) * rowBytes);
      return;
    }
    const at = (row: number) => tensor.begin + row * rowBytes;
    if (step === 1) yield { file: fileOf(tensor), begin: at(start), length: count * rowBytes };
    else
      for (let i = 0; i < count; i++)
        yield { file: fileOf(tensor), begin: at(start + i * step), length: rowBytes };
  }

  return {
    locate,
    async values(rows) {
      const { dtype } = tensorOf(rows.tensor);
      if (!isFloatDtype(dtype)) {
        throw new CheckpointError(`tensor "${rows.tensor}" is ${dtype}, which has no sums`);
      }
      // A row that repeats is read once.
      const distinct = rows.step === 0 ? { ...rows, count: 1 } : rows;
      const chunks: Buffer[] = [];
      for await (const run of locate(distinct)) chunks.push(Buffer.isBuffer(run) ? run : readRun(run));
      const bytes = Buffer.concat(chunks);
      return decodeFloats(rows.step === 0 ? Buffer.alloc(bytes.length * rows.count, bytes) : bytes, dtype);
    },
    rowCount: (name) => tensorOf(name).shape[0] ?? 1,
    close,
  };
}

/** A tensor that does not lie in its file as a run of bytes. */
async function wholeTensor(file: FileHandle, tensor: CheckpointTensor): Promise<Buffer> {
  const shape = storedShape(tensor);
  const stored = tensor.strides
    ? await gather(file, { ...tensor, shape })
    : readRun({ file, begin: tensor.begin, length: tensorBytes(tensor.dtype, shape) ?? 0 });
  return withZeroBlocks(stored, tensor);
}

function readRun({ file, begin, length }: ByteRun): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  readInto(file, bytes, begin);
  return bytes;
}

/** Fills a buffer from a file. @throws CheckpointError if the file ends before it is full. */
export function readInto(file: FileHandle, bytes: Buffer, begin: number): void {
  for (let filled = 0; filled < bytes.length; ) {
    const read = readSync(file.fd, bytes, filled, bytes.length - filled, begin + filled);
    if (read === 0) throw becameShorter();
    filled += read;
  }
}

/** What is thrown for a weight file that changes while it is used. */
export function becameShorter(): CheckpointError {
  return new CheckpointError(
    "a weight file became shorter while it was read",
    "Leave the source alone and run again.",
  );
}

function bytesPerRow({ dtype, shape }: CheckpointTensor): number {
  return tensorBytes(dtype, shape.slice(1)) ?? 0;
}
