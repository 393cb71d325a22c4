import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/**
 * Where two files begin to differ.
 * @returns undefined where they are the same; the shorter one's length where it is the beginning of the other
 */
export async function firstDifference(a: string, b: string): Promise<number | undefined> {
  const others = createReadStream(b)[Symbol.asyncIterator]();
  let other: Buffer = Buffer.alloc(0);
  let at = 0;
  for await (let one of createReadStream(a) as AsyncIterable<Buffer>) {
    while (one.length > 0) {
      if (other.length === 0) other = (await others.next()).value ?? Buffer.alloc(0);
      if (other.length === 0) return at;
      const length = Math.min(one.length, other.length);
      if (!one.subarray(0, length).equals(other.subarray(0, length))) {
        return at + one.findIndex((byte, i) => byte !== other[i]);
      }
      [one, other] = [one.subarray(length), other.subarray(length)];
      at += length;
    }
  }
  return (await stat(b)).size > at ? at : undefined;
}
