import { type FileHandle, open } from "node:fs/promises";
import type { PlannedShard, PlannedTensor, Segment } from "../plan/types.js";
import { isFloatDtype } from "../safetensors/dtype.js";
import { serializeHeader } from "../safetensors/header.js";
import { computeSum } from "./compute.js";
import { type ByteRun, readInto, type WeightReader } from "./weight-reader.js";

/** Two buffers of this size take turns, one being read while the other is written. */
const CHUNK_BYTES = 1 << 20;

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes written since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Writes a shard: its header, then every tensor in order. Holds no more than two chunks of weights in memory.
 * @throws the signal's reason when aborted; the caller removes what was written.
 */
export async function writeShard(
  path: string,
  shard: PlannedShard,
  reader: WeightReader,
  options: WriteOptions = {},
): Promise<void> {
  const file = await open(path, "wx");
  try {
    const out = new Output(file, options);
    await out.write(serializeHeader(shard.tensors, shard.metadata));
    for await (const piece of mergeRuns(pieces(shard, reader))) {
      await (Buffer.isBuffer(piece) ? out.write(piece) : out.copy(piece));
    }
  } finally {
    await file.close();
  }
}

async function* pieces({ tensors }: PlannedShard, reader: WeightReader): AsyncIterable<ByteRun | Buffer> {
  for (const tensor of tensors.values()) {
    for (const segment of tensor.segments) {
      if (segment.kind === "copy") yield* reader.locate(segment.rows);
      else yield* sumBlocks(tensor, segment, reader);
    }
  }
}

function sumBlocks(
  { dtype, shape }: PlannedTensor,
  segment: Extract<Segment, { kind: "sum" }>,
  reader: WeightReader,
): AsyncIterable<Buffer> {
  if (!isFloatDtype(dtype)) throw new TypeError(`a sum was planned in ${dtype}`);
  const rowLength = shape.slice(1).reduce((product, size) => product * size, 1);
  return computeSum(segment, rowLength, dtype, reader);
}

/** Joins runs that follow each other in the same file: an untouched stretch of tensors is one copy. */
async function* mergeRuns(runs: AsyncIterable<ByteRun | Buffer>): AsyncIterable<ByteRun | Buffer> {
  let pending: ByteRun | undefined;
  for await (const run of runs) {
    if (Buffer.isBuffer(run)) {
      if (pending) yield pending;
      pending = undefined;
      yield run;
    } else if (pending && pending.file === run.file && pending.begin + pending.length === run.begin) {
      pending = { ...pending, length: pending.length + run.length };
    } else {
      if (pending) yield pending;
      pending = run;
    }
  }
  if (pending) yield pending;
}

/** A file that is written from begin to end. */
class Output {
  #position = 0;
  #buffers = [Buffer.alloc(0), Buffer.alloc(0)];
  readonly #file: FileHandle;
  readonly #options: WriteOptions;

  constructor(file: FileHandle, options: WriteOptions) {
    this.#file = file;
    this.#options = options;
  }

  async write(bytes: Buffer): Promise<void> {
    this.#options.signal?.throwIfAborted();
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        written,
        bytes.length - written,
        this.#position + written,
      );
      written += bytesWritten;
    }
    this.#position += bytes.length;
    this.#options.onBytes?.(bytes.length);
  }

  /** Copies a run, reading ahead by one chunk. */
  async copy({ file, begin, length }: ByteRun): Promise<void> {
    let read = this.#read(file, begin, Math.min(CHUNK_BYTES, length), 0);
    for (let done = 0, turn = 1; done < length; turn++) {
      const chunk = await read;
      done += chunk.length;
      const ahead = Math.min(CHUNK_BYTES, length - done);
      if (ahead > 0) read = this.#read(file, begin + done, ahead, turn % 2);
      // When the write fails, the read ahead must not be left without anybody to hear of its failure.
      await Promise.all([this.write(chunk), read]);
    }
  }

  async #read(file: FileHandle, begin: number, length: number, which: number): Promise<Buffer> {
    if (this.#buffers[which]!.length < length) this.#buffers[which] = Buffer.allocUnsafe(length);
    const bytes = this.#buffers[which]!.subarray(0, length);
    await readInto(file, bytes, begin);
    return bytes;
  }
}
