import { writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import type { FileSource } from "../checkpoint/file-source.js";
import { type ByteRun, becameShorter, readInto, type WeightReader } from "../checkpoint/weight-reader.js";
import type { PlannedShard, PlannedTensor, Segment } from "../plan/types.js";
import { isFloatDtype } from "../safetensors/dtype.js";
import { serializeHeader } from "../safetensors/header.js";
import { computeSum } from "./compute.js";
import { copyWhole } from "./copy-file.js";

/** Copied at a time; about what a processor's cache holds. */
const CHUNK_BYTES = 1 << 20;

/** Written between two looks at signals, some ten milliseconds' worth. */
const BREATH_BYTES = 16 << 20;

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes written since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Where the weights of a plan come from: the source's files, and a reader of its tensors. */
export interface WeightSource {
  readonly source: FileSource;
  readonly reader: WeightReader;
}

/**
 * Writes a shard: its header, then every tensor in order; or the source's file as it is. Holds no more than a chunk of
 * weights in memory.
 * @throws CheckpointError if a file of the source is no longer as long as it was; the signal's reason when aborted; the
 *   caller removes what was written.
 */
export async function writeShard(
  path: string,
  shard: PlannedShard,
  { source, reader }: WeightSource,
  options: WriteOptions = {},
): Promise<void> {
  if (shard.copyOf !== undefined) return copyShard(path, shard.copyOf, source, options);
  options.signal?.throwIfAborted();
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

async function copyShard(
  path: string,
  file: string,
  source: FileSource,
  { signal, onBytes }: WriteOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const copied = await copyWhole(await source.localPath(file), path);
  if (copied !== source.files.get(file)?.size) throw becameShorter();
  onBytes?.(copied);
  signal?.throwIfAborted();
}

async function* pieces({ tensors }: PlannedShard, reader: WeightReader): AsyncIterable<ByteRun | Buffer> {
  for (const tensor of tensors.values()) yield* tensorPieces(tensor, reader);
}

/** The bytes of a planned tensor, in order: where they lie in the source, or computed. */
export async function* tensorPieces(
  tensor: PlannedTensor,
  reader: WeightReader,
): AsyncIterable<ByteRun | Buffer> {
  for (const segment of tensor.segments) {
    if (segment.kind === "copy") yield* reader.locate(segment.rows);
    else yield* sumBlocks(tensor, segment, reader);
  }
}

function sumBlocks(
  { dtype, shape }: PlannedTensor,
  segment: Extract<Segment, { kind: "sum" }>,
  reader: WeightReader,
): AsyncIterable<Buffer> {
  if (!isFloatDtype(dtype)) throw new TypeError(`a sum was planned in ${dtype}`);
  const rowLength = segment.rowLength ?? shape.slice(1).reduce((product, size) => product * size, 1);
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

/**
 * A file that is written from begin to end. Reads and writes are synchronous: between two page caches a
 * chunk takes less time than handing it to a thread and back. In between, signals are heard.
 */
class Output {
  #position = 0;
  #sinceBreath = 0;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #file: FileHandle;
  readonly #options: WriteOptions;

  constructor(file: FileHandle, options: WriteOptions) {
    this.#file = file;
    this.#options = options;
  }

  async write(bytes: Buffer): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.#file.fd, bytes, written, bytes.length - written, this.#position + written);
    }
    this.#position += bytes.length;
    this.#sinceBreath += bytes.length;
    this.#options.onBytes?.(bytes.length);
    if (this.#sinceBreath < BREATH_BYTES) return;
    this.#sinceBreath = 0;
    await setImmediate();
    this.#options.signal?.throwIfAborted();
  }

  async copy({ file, begin, length }: ByteRun): Promise<void> {
    for (let done = 0; done < length; done += this.#chunk.length) {
      const bytes = this.#chunk.subarray(0, Math.min(this.#chunk.length, length - done));
      readInto(file, bytes, begin + done);
      await this.write(bytes);
    }
  }
}
