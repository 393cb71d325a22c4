import { SafetensorsError } from "../base/errors.js";
import { quote } from "../base/quote.js";
import { isRecord, topLevelSpans } from "../json/json-edit.js";
import { DTYPES, type Dtype, isDtype } from "./dtype.js";

/** A tensor's record in a safetensors header, field for field; offsets are bytes from the data's begin. */
export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

/** A header that has been proven: its tensors fill the file from the first data byte to the last. */
export interface Header {
  readonly metadata: ReadonlyMap<string, string> | undefined;
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Where the data begins, in bytes from the file's begin. */
  readonly dataStart: number;
}

/** The header's length comes first, as a little-endian 64-bit number. */
export const LENGTH_BYTES = 8;

/** The format's own limit, there to keep a damaged length from being believed. */
export const MAX_HEADER_BYTES = 100_000_000;

/** More axes than any tensor of a model has; PyTorch's own kernels stop there too. */
export const MAX_AXES = 64;

/** Characters of a tensor's name; the longest of models have some hundred. */
export const MAX_NAME = 1024;

/** The largest models of all have fewer, in many files. */
const MAX_TENSORS = 100_000;

/** Characters of a wrong value, in a message. */
const MAX_SHOWN = 120;

/** Data begins at a multiple of this, so that readers can map it. */
const DATA_ALIGNMENT = 8;

const METADATA_KEY = "__metadata__";

/**
 * The length in bytes of the header of `file`, from its first eight bytes.
 * @throws SafetensorsError if the file cannot hold a header of that length.
 */
export function parseHeaderLength(firstBytes: Buffer, fileSize: number, file: string): number {
  if (firstBytes.length < LENGTH_BYTES) {
    throw damaged(file, `has ${fileSize} bytes, too few for a safetensors header`);
  }
  const length = firstBytes.readBigUInt64LE(0);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw damaged(
      file,
      `says that its header has ${length} bytes; the format allows at most ${MAX_HEADER_BYTES}`,
    );
  }
  if (LENGTH_BYTES + Number(length) > fileSize) {
    throw damaged(file, `ends inside its header: ${length} bytes are announced, the file has ${fileSize}`);
  }
  return Number(length);
}

/**
 * Parses a header and proves it: every tensor begins where the last one ended, is as large as shape and
 * dtype say, and the last one ends with the file.
 * @param json the header's bytes, behind the length field
 * @param fileSize bytes of the whole file
 * @param file the name to use in errors
 * @throws SafetensorsError that names the tensor and what is wrong with it.
 */
export function parseHeader(json: Buffer, fileSize: number, file: string): Header {
  const entries = parseJson(json, file);
  const metadata = parseMetadata(entries.get(METADATA_KEY), file);
  entries.delete(METADATA_KEY);

  const tensors = [...entries].map(([name, record]) => [name, parseRecord(name, record, file)] as const);
  tensors.sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );

  let end = 0;
  for (const [name, { data_offsets }] of tensors) {
    if (data_offsets[0] !== end) {
      const fault = data_offsets[0] < end ? "overlaps the tensor before it" : "leaves a hole before it";
      throw damaged(file, `tensor "${name}" ${fault}: it begins at byte ${data_offsets[0]}, expected ${end}`);
    }
    end = data_offsets[1];
  }
  const dataStart = LENGTH_BYTES + json.length;
  if (dataStart + end !== fileSize) {
    const fault = dataStart + end > fileSize ? "is truncated" : "has bytes behind its last tensor";
    throw damaged(file, `${fault}: the header describes ${dataStart + end} bytes, the file has ${fileSize}`);
  }
  return { metadata, tensors: new Map(tensors), dataStart };
}

/**
 * The bytes that stand before the data of a file with these tensors: the length field and the header,
 * padded with spaces so that the data is aligned.
 */
export function serializeHeader(
  tensors: ReadonlyMap<string, TensorInfo>,
  metadata: ReadonlyMap<string, string> | undefined,
): Buffer {
  // Written by hand rather than from an object: in an object "__proto__" would not be a key,
  // and names that look like numbers would change places.
  const entries: [string, object][] = [...tensors].map(([name, { dtype, shape, data_offsets }]) => [
    name,
    { dtype, shape, data_offsets },
  ]);
  if (metadata) entries.unshift([METADATA_KEY, Object.fromEntries(metadata)]);
  const json = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;

  const length = Buffer.byteLength(json);
  const padded = Math.ceil(length / DATA_ALIGNMENT) * DATA_ALIGNMENT;
  const bytes = Buffer.alloc(LENGTH_BYTES + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  bytes.write(json, LENGTH_BYTES);
  return bytes;
}

const MAX_BITS = 8n * BigInt(Number.MAX_SAFE_INTEGER);

/** Bytes of a tensor, or undefined where they are not a whole, exactly representable number. */
export function tensorBytes(dtype: Dtype, shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  let bits = BigInt(DTYPES[dtype].bits);
  for (const size of shape) {
    bits *= BigInt(size);
    // A product of many sizes would have as many digits.
    if (bits > MAX_BITS) return undefined;
  }
  return bits % 8n === 0n ? Number(bits / 8n) : undefined;
}

function parseJson(json: Buffer, file: string): Map<string, unknown> {
  try {
    const text = new TextDecoder("utf-8", { fatal: true });
    const spans = topLevelSpans(json, MAX_TENSORS + 1);
    // The format wants it there, and some readers insist.
    if (json[0] !== OPEN_BRACE) throw new SyntaxError("it does not begin with {");
    return new Map(
      [...spans].map(([key, { start, end }]) => {
        const value = json.subarray(start, end);
        refuseAmbiguous(value, key);
        return [key, JSON.parse(text.decode(value))];
      }),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damaged(file, `has a header that is not a JSON object: ${reason}`, error);
  }
}

const OPEN_BRACE = "{".charCodeAt(0);

/** What readers take for different things: a key that stands there twice, a size that is written as a float. */
function refuseAmbiguous(value: Buffer, key: string): void {
  if (value[0] === OPEN_BRACE) topLevelSpans(value);
  if (key === METADATA_KEY) return;
  const size = /[[,]\s*(-?\d+[.eE][\w.+-]*)/.exec(value.toString("latin1"))?.[1];
  if (Number.isInteger(Number(size)))
    throw new SyntaxError(`tensor "${key}" has ${size} where an integer belongs`);
}

function parseMetadata(value: unknown, file: string): ReadonlyMap<string, string> | undefined {
  if (value === undefined) return undefined;
  const entries = isRecord(value) ? Object.entries(value) : [];
  if (!isRecord(value) || entries.some(([, text]) => typeof text !== "string")) {
    throw damaged(file, `has a ${METADATA_KEY} that is not a table of strings`);
  }
  return new Map(entries as [string, string][]);
}

function parseRecord(name: string, record: unknown, file: string): TensorInfo {
  if (name.length > MAX_NAME) {
    throw damaged(
      file,
      `tensor ${quote(name)} has a name of ${name.length} characters, at most ${MAX_NAME} are read`,
    );
  }
  if (!isRecord(record)) throw damaged(file, `tensor "${name}" has no dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets } = record;
  if (!isDtype(dtype)) {
    const known = Object.keys(DTYPES).join(", ");
    throw damaged(file, `tensor "${name}" has the unknown dtype ${shortly(dtype)}; known: ${known}`);
  }
  if (!isSizes(shape) || shape.length > MAX_AXES) {
    throw damaged(
      file,
      `tensor "${name}" has the shape ${shortly(shape)}, expected at most ${MAX_AXES} non-negative integers`,
    );
  }
  if (!isSizes(data_offsets) || data_offsets.length !== 2 || data_offsets[1]! < data_offsets[0]!) {
    const found = shortly(data_offsets);
    throw damaged(
      file,
      `tensor "${name}" has the data_offsets ${found}, expected [begin, end] with begin ≤ end`,
    );
  }
  const [begin, end] = data_offsets as [number, number];
  const bytes = tensorBytes(dtype, shape);
  if (bytes === undefined) {
    throw damaged(
      file,
      `tensor "${name}": ${dtype} × [${shape}] is not a number of bytes that a file can have`,
    );
  }
  if (end - begin !== bytes) {
    throw damaged(
      file,
      `tensor "${name}": ${dtype} × [${shape}] takes ${bytes} bytes, data_offsets span ${end - begin}`,
    );
  }
  return { dtype, shape, data_offsets: [begin, end] };
}

function shortly(value: unknown): string {
  if (Array.isArray(value) && value.length > MAX_AXES) return `of ${value.length} sizes`;
  return (JSON.stringify(value) ?? "nothing").slice(0, MAX_SHOWN);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function damaged(file: string, fault: string, cause?: unknown): SafetensorsError {
  return new SafetensorsError(
    `${file}: ${fault}`,
    "Download or save the file again; it is not a whole safetensors file.",
    cause === undefined ? undefined : { cause },
  );
}
