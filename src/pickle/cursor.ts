import { damaged } from "./faults.js";

/** Reads a pickle's operands one after the other; a length beyond the last byte is an error, never a read. */
export interface Cursor {
  readonly position: number;
  uint8(): number;
  uint16(): number;
  int32(): number;
  uint32(): number;
  /** A length; inexact beyond 2^53, where nothing is that long. */
  uint64(): number;
  float64(): number;
  /** Little-endian two's complement of `length` bytes, as a number where that is exact. */
  long(length: number): number | bigint;
  /** UTF-8 of `length` bytes. */
  text(length: number): string;
  /** Text up to a line feed, which is passed over. */
  line(): string;
  skip(length: number): void;
}

/** A cursor over `bytes` from `start`. Its methods throw PickleError where the bytes end too early. */
export function createCursor(bytes: Buffer, start: number): Cursor {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let position = start;

  const take = (length: number) => {
    const from = position;
    const left = bytes.length - from;
    if (length > left) {
      throw damaged(`the pickle is cut off: byte ${from} needs ${length} more, ${left} are left`);
    }
    position += length;
    return from;
  };
  const text = (length: number) => {
    const from = take(length);
    try {
      return utf8.decode(bytes.subarray(from, position));
    } catch {
      throw damaged(`the pickle has a text at byte ${from} that is not UTF-8`);
    }
  };

  return {
    get position() {
      return position;
    },
    uint8: () => bytes.readUInt8(take(1)),
    uint16: () => bytes.readUInt16LE(take(2)),
    int32: () => bytes.readInt32LE(take(4)),
    uint32: () => bytes.readUInt32LE(take(4)),
    uint64: () => Number(bytes.readBigUInt64LE(take(8))),
    float64: () => bytes.readDoubleBE(take(8)),
    long: (length) => {
      const from = take(length);
      const hex = Buffer.from(bytes.subarray(from, position)).reverse().toString("hex");
      const value = BigInt.asIntN(length * 8, BigInt(`0x${hex || "0"}`));
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    },
    text,
    line: () => {
      const end = bytes.indexOf("\n", position);
      if (end < 0) throw damaged(`the pickle is cut off: the line at byte ${position} has no end`);
      const line = text(end - position);
      position += 1;
      return line;
    },
    skip: (length) => {
      take(length);
    },
  };
}
