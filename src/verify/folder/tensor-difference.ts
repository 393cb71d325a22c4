import { type ByteRun, readInto } from "../../checkpoint/weight-reader.js";
import { type Dtype, isFloatDtype } from "../../safetensors/dtype.js";
import { decodeFloats } from "../../safetensors/floats.js";
import { tensorBytes } from "../../safetensors/header.js";
import { difference } from "../model/difference.js";

/** Compared at a time. A multiple of every element's size, as are the pieces that a tensor comes in. */
const CHUNK_BYTES = 1 << 20;

type Pieces = AsyncIterable<ByteRun | Buffer>;

/**
 * Compares a tensor's bytes, which come in pieces of any lengths.
 * @returns the rows that differ, and the largest difference of two numbers: infinite where one is NaN, or where
 *   the tensor does not hold floats
 */
export async function tensorDifference(
  expected: Pieces,
  found: Pieces,
  { dtype, shape }: { dtype: Dtype; shape: readonly number[] },
): Promise<{ rows: number[]; largest: number }> {
  const rowBytes = tensorBytes(dtype, shape.slice(1)) ?? 0;
  const rows = new Set<number>();
  let [at, largest] = [0, 0];
  for await (const [a, b] of pairs(expected, found)) {
    if (!a.equals(b)) {
      largest = Math.max(largest, largestDifference(a, b, dtype));
      for (const row of differingRows(a, b, at, rowBytes)) rows.add(row);
    }
    at += a.length;
  }
  return { rows: [...rows], largest };
}

/** Stretches of the same length of two byte streams. */
async function* pairs(expected: Pieces, found: Pieces): AsyncGenerator<[Buffer, Buffer]> {
  const others = chunks(found);
  let other: Buffer = Buffer.alloc(0);
  for await (let one of chunks(expected)) {
    while (one.length > 0) {
      if (other.length === 0) other = (await others.next()).value ?? Buffer.alloc(one.length);
      const length = Math.min(one.length, other.length);
      yield [one.subarray(0, length), other.subarray(0, length)];
      [one, other] = [one.subarray(length), other.subarray(length)];
    }
  }
}

async function* chunks(pieces: Pieces): AsyncGenerator<Buffer, undefined> {
  for await (const piece of pieces) {
    for (let done = 0; done < piece.length; done += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, piece.length - done);
      if (Buffer.isBuffer(piece)) yield piece.subarray(done, done + length);
      else {
        const bytes = Buffer.allocUnsafe(length);
        readInto(piece.file, bytes, piece.begin + done);
        yield bytes;
      }
    }
  }
  return undefined;
}

function* differingRows(a: Buffer, b: Buffer, at: number, rowBytes: number): Generator<number> {
  const first = Math.floor(at / rowBytes);
  for (let row = first; row * rowBytes < at + a.length; row++) {
    const [start, end] = [Math.max(0, row * rowBytes - at), (row + 1) * rowBytes - at];
    if (!a.subarray(start, end).equals(b.subarray(start, end))) yield row;
  }
}

function largestDifference(expected: Buffer, found: Buffer, dtype: Dtype): number {
  if (!isFloatDtype(dtype)) return Number.POSITIVE_INFINITY;
  return difference(decodeFloats(expected, dtype), decodeFloats(found, dtype)).largest;
}
