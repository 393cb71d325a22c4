import { type ByteRun, readInto } from "../../checkpoint/weight-reader.js";
import { type Dtype, isFloatDtype } from "../../safetensors/dtype.js";
import { decodeFloats } from "../../safetensors/floats.js";
import { tensorBytes } from "../../safetensors/header.js";
import { stretches } from "../byte-streams.js";
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
  for await (const [a, b] of stretches(chunks(expected), chunks(found))) {
    if (!a.equals(b)) {
      largest = Math.max(largest, largestDifference(a, b, dtype));
      for (const row of differingRows(a, b, at, rowBytes)) rows.add(row);
    }
    at += a.length;
  }
  return { rows: [...rows], largest };
}

async function* chunks(pieces: Pieces): AsyncGenerator<Buffer> {
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
