import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { readStateDict, type StateDict } from "../../src/pickle/state-dict.js";

/** Pickle instructions as bytes; a pickle is their concatenation. */
export const op = {
  proto: (version: number) => Buffer.of(0x80, version),
  stop: Buffer.from("."),
  mark: Buffer.from("("),
  none: Buffer.from("N"),
  true: Buffer.of(0x88),
  emptyDict: Buffer.from("}"),
  emptyList: Buffer.from("]"),
  emptyTuple: Buffer.from(")"),
  tuple: Buffer.from("t"),
  tuple1: Buffer.of(0x85),
  append: Buffer.from("a"),
  appends: Buffer.from("e"),
  setItem: Buffer.from("s"),
  setItems: Buffer.from("u"),
  reduce: Buffer.from("R"),
  build: Buffer.from("b"),
  persistentId: Buffer.from("Q"),
  memoize: Buffer.of(0x94),
  put: (index: number) => Buffer.of(0x71, index),
  get: (index: number) => Buffer.of(0x68, index),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  stackGlobal: Buffer.of(0x93),
};

/** A value as the instructions that push it. */
export type Pushed = string | number | bigint | boolean | null | Buffer | readonly Pushed[];

/** Instructions that push plain data; arrays become tuples, Buffers are instructions already. */
export function push(value: Pushed): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (value === null) return op.none;
  if (typeof value === "boolean") return Buffer.of(value ? 0x88 : 0x89);
  if (typeof value === "string") return withLength(0x58, Buffer.from(value));
  if (typeof value === "bigint") return long(value);
  if (typeof value === "number") {
    return Number.isInteger(value) ? long(BigInt(value)) : double(value);
  }
  return Buffer.concat([op.mark, ...value.map(push), op.tuple]);
}

export function pickle(...parts: Pushed[]): Buffer {
  return Buffer.concat([op.proto(2), ...parts.map(push), op.stop]);
}

/** A call of an allowed or forbidden function. */
export function call(module: string, name: string, args: readonly Pushed[]): Buffer {
  return Buffer.concat([op.global(module, name), push(args), op.reduce]);
}

export function dict(entries: readonly (readonly [Pushed, Pushed])[]): Buffer {
  return Buffer.concat([op.emptyDict, op.mark, ...entries.flat().map(push), op.setItems]);
}

export interface StorageParts {
  type?: Pushed;
  key?: Pushed;
  elements?: Pushed;
  view?: Pushed;
}

export function storage({ type, key = "0", elements = 6, view }: StorageParts = {}): Buffer {
  const id = ["storage", type ?? op.global("torch", "FloatStorage"), key, "cpu", elements];
  return Buffer.concat([push(view === undefined ? id : [...id, view]), op.persistentId]);
}

export interface TensorParts {
  storage?: Pushed;
  offset?: Pushed;
  shape?: Pushed;
  strides?: Pushed;
  flags?: Pushed;
}

/** A [2, 3] matrix of F32 in storage "0", unless told otherwise. */
export function tensor(parts: TensorParts = {}): Buffer {
  const { offset = 0, shape = [2, 3], strides = [3, 1], flags } = parts;
  const args = [parts.storage ?? storage(), offset, shape, strides, false, null];
  return call("torch._utils", "_rebuild_tensor_v2", flags === undefined ? args : [...args, flags]);
}

export interface ZipFile {
  data: Buffer;
  name?: string;
  method?: number;
  flags?: number;
}

export interface ZipOptions {
  /** Files announced by the end record; what there are, if absent. */
  count?: number;
  /** Changes the directory's bytes before they are written. */
  editDirectory?: (bytes: Buffer) => void;
}

/** A zip archive without compression, laid out as PyTorch does. */
export function zip(files: Record<string, Buffer | ZipFile>, options: ZipOptions = {}): Buffer {
  const local: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [key, value] of Object.entries(files)) {
    const { data, name = key, method = 0, flags = 0x800 } = Buffer.isBuffer(value) ? { data: value } : value;
    directory.push(directoryEntry(name, at, data.length, method, flags));
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(name.length, 26);
    local.push(header, Buffer.from(name), data);
    at += 30 + name.length + data.length;
  }
  const listed = Buffer.concat(directory);
  options.editDirectory?.(listed);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(options.count ?? directory.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, listed, end]);
}

export function directoryEntry(name: string, begin: number, size: number, method = 0, flags = 0): Buffer {
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(method, 10);
  entry.writeUInt32LE(size, 20);
  entry.writeUInt32LE(size, 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt32LE(begin, 42);
  return Buffer.concat([entry, Buffer.from(name)]);
}

/** A PyTorch zip file around a pickle, with 24 bytes as storage "0". */
export function zipOf(dataPkl: Buffer, files: Record<string, Buffer | ZipFile> = {}): Buffer {
  return zip({
    "m/data.pkl": dataPkl,
    "m/byteorder": Buffer.from("little"),
    "m/data/0": Buffer.alloc(24),
    ...files,
  });
}

export const MAGIC = 0x1950a86a20f9469cfc6cn;

/** A PyTorch file in the format before 1.6; each part can be replaced. */
export function legacyOf(
  stateDict: Buffer,
  parts: { magic?: Pushed; version?: Pushed; littleEndian?: Pushed; keys?: Pushed; data?: Buffer } = {},
): Buffer {
  const { magic = MAGIC, version = 1001, littleEndian = true, keys = ["0"], data = legacyStorage(6) } = parts;
  const system = dict([["little_endian", littleEndian]]);
  return Buffer.concat([pickle(magic), pickle(version), pickle(system), stateDict, pickle(keys), data]);
}

/** A storage of F32 zeros as the legacy format has it. */
export function legacyStorage(elements: number, announced = BigInt(elements)): Buffer {
  const bytes = Buffer.alloc(8 + elements * 4);
  bytes.writeBigUInt64LE(announced, 0);
  return bytes;
}

/** Writes `bytes` to a file that is gone after the test, and reads it as a state dict. */
export async function read(bytes: Buffer): Promise<StateDict> {
  const folder = await mkdtemp(join(tmpdir(), "pickle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  await writeFile(path, bytes);
  return readStateDict(path, "model.bin");
}

function withLength(opcode: number, bytes: Buffer): Buffer {
  const head = Buffer.of(opcode, 0, 0, 0, 0);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** LONG1: little-endian two's complement. */
function long(value: bigint): Buffer {
  const size = Math.floor(value.toString(2).length / 8) + 1;
  const hex = BigInt.asUintN(size * 8, value).toString(16);
  const bytes = Buffer.from(hex.padStart(size * 2, "0"), "hex").reverse();
  return Buffer.concat([Buffer.of(0x8a, size), bytes]);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0x47);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}
