import type { FileHandle } from "node:fs/promises";
import { quote } from "../base/quote.js";
import { damaged, refused } from "./faults.js";
import { readBytes } from "./read-bytes.js";
import type { Extent } from "./values.js";

/** One file of a zip archive, as the archive's directory lists it. */
export interface ZipEntry {
  readonly name: string;
  /** Byte at which its local header begins. */
  readonly begin: number;
  readonly size: number;
  /** Neither compressed nor encrypted. */
  readonly stored: boolean;
}

/** The files of a zip archive by name. */
export interface ZipDirectory {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Byte at which the directory begins: all files lie before it. */
  readonly begin: number;
}

/** An entry takes about 80 bytes, so this is room for 200,000. */
const MAX_DIRECTORY_BYTES = 16 * 2 ** 20;

/** The format's records (PKWARE's APPNOTE, chapter 4.3): signature, and bytes before the parts that vary. */
const LOCAL_HEADER = { signature: 0x04034b50, length: 30 };
const ENTRY = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const END64 = { signature: 0x06064b50, length: 56 };
const END64_LOCATOR = { signature: 0x07064b50, length: 20 };

/** A 32-bit field with this value stands for a 64-bit one in the extra field with this id. */
const IN_EXTRA64 = 0xffffffff;
const EXTRA64_ID = 1;

const METHOD_STORED = 0;
const FLAG_ENCRYPTED = 1;

/**
 * Reads the directory of a zip archive of any size. It must be one without a comment, as PyTorch writes
 * them: then its last bytes are its end record, and there is one way to read it.
 * @param fileSize in bytes
 * @throws PickleError if the directory is damaged or lists a name twice.
 */
export async function readZipDirectory(file: FileHandle, fileSize: number): Promise<ZipDirectory> {
  const { begin, end, count } = await findDirectory(file, fileSize);
  const bytes = await readBytes(file, begin, end);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at < bytes.length; ) {
    const { entry, length } = parseEntry(bytes.subarray(at));
    if (entries.has(entry.name)) throw damaged(`the zip archive lists ${quote(entry.name)} twice`);
    entries.set(entry.name, entry);
    at += length;
  }
  if (entries.size !== count) {
    throw damaged(`the zip archive announces ${count} files and lists ${entries.size}`);
  }
  return { entries, begin };
}

/**
 * Where the bytes of a stored file lie.
 * @throws PickleError if it is compressed, encrypted, not where the directory says, or not whole.
 */
export async function locateEntry(
  file: FileHandle,
  entry: ZipEntry,
  directory: ZipDirectory,
): Promise<Extent> {
  const name = quote(entry.name);
  if (!entry.stored) {
    throw refused(
      `${name} in the zip archive is compressed or encrypted; weights are read where torch.save puts them`,
    );
  }
  const nameBytes = Buffer.byteLength(entry.name);
  const headerEnd = entry.begin + LOCAL_HEADER.length + nameBytes;
  if (headerEnd > directory.begin) throw damaged(`${name} in the zip archive begins beyond its directory`);
  const header = await readBytes(file, entry.begin, headerEnd);
  const isItsHeader =
    header.readUInt32LE(0) === LOCAL_HEADER.signature &&
    header.readUInt16LE(26) === nameBytes &&
    header.toString("utf8", LOCAL_HEADER.length) === entry.name;
  if (!isItsHeader) throw damaged(`${name} in the zip archive is not where its directory says`);
  const begin = headerEnd + header.readUInt16LE(28);
  if (begin + entry.size > directory.begin) {
    throw damaged(`${name} in the zip archive reaches beyond its directory`);
  }
  return { begin, size: entry.size };
}

async function findDirectory(
  file: FileHandle,
  fileSize: number,
): Promise<{ begin: number; end: number; count: number }> {
  const tailLength = Math.min(fileSize, END64_LOCATOR.length + END.length);
  const tail = await readBytes(file, fileSize - tailLength, fileSize);
  const endAt = tail.length - END.length;
  if (endAt < 0 || tail.readUInt32LE(endAt) !== END.signature) {
    throw damaged("the zip archive is cut off: it does not end with its directory");
  }
  let count = tail.readUInt16LE(endAt + 10);
  let size = tail.readUInt32LE(endAt + 12);
  let begin = tail.readUInt32LE(endAt + 16);
  let limit = fileSize - END.length;
  if (endAt === END64_LOCATOR.length && tail.readUInt32LE(0) === END64_LOCATOR.signature) {
    limit = readUInt64(tail, 8);
    if (limit + END64.length > fileSize) throw damaged("the zip archive's end record is not in the file");
    const record = await readBytes(file, limit, limit + END64.length);
    if (record.readUInt32LE(0) !== END64.signature) {
      throw damaged("the zip archive's end record is not where it says");
    }
    count = readUInt64(record, 32);
    size = readUInt64(record, 40);
    begin = readUInt64(record, 48);
  }
  if (begin + size > limit) throw damaged("the zip archive's directory reaches beyond the file");
  if (size > MAX_DIRECTORY_BYTES) {
    throw damaged(`the zip archive's directory has ${size} bytes; at most ${MAX_DIRECTORY_BYTES} are read`);
  }
  return { begin, end: begin + size, count };
}

function parseEntry(bytes: Buffer): { entry: ZipEntry; length: number } {
  if (bytes.length < ENTRY.length || bytes.readUInt32LE(0) !== ENTRY.signature) {
    throw damaged("the zip archive's directory has an entry that is none");
  }
  const nameEnd = ENTRY.length + bytes.readUInt16LE(28);
  const extraEnd = nameEnd + bytes.readUInt16LE(30);
  const length = extraEnd + bytes.readUInt16LE(32);
  if (length > bytes.length) throw damaged("the zip archive's directory ends inside an entry");

  const name = bytes.toString("utf8", ENTRY.length, nameEnd);
  const extra = extra64(bytes.subarray(nameEnd, extraEnd));
  // The fields whose values may stand in the extra field, in the order in which they do.
  const [uncompressed, compressed, begin] = [24, 20, 42].map((at) => {
    const value = bytes.readUInt32LE(at);
    return value === IN_EXTRA64 ? extra.shift() : value;
  });
  if (uncompressed === undefined || compressed === undefined || begin === undefined) {
    throw damaged(`${quote(name)} in the zip archive lacks its 64-bit sizes`);
  }
  const stored = bytes.readUInt16LE(10) === METHOD_STORED && (bytes.readUInt16LE(8) & FLAG_ENCRYPTED) === 0;
  if (stored && compressed !== uncompressed) {
    throw damaged(
      `${quote(name)} in the zip archive is stored as ${compressed} bytes and has ${uncompressed}`,
    );
  }
  return { entry: { name, begin, size: compressed, stored }, length };
}

/** The 64-bit values among the extra fields of an entry; none if it has no such field. */
function extra64(fields: Buffer): number[] {
  for (let at = 0; at + 4 <= fields.length; ) {
    const size = fields.readUInt16LE(at + 2);
    const data = fields.subarray(at + 4, at + 4 + size);
    if (fields.readUInt16LE(at) === EXTRA64_ID) {
      return Array.from({ length: Math.floor(data.length / 8) }, (_, i) => readUInt64(data, i * 8));
    }
    at += 4 + size;
  }
  return [];
}

/** Inexact beyond 2^53: larger than any file, so the checks against the file's size fail all the same. */
function readUInt64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}
