import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/** Stretches of the same length of two streams, until one of them ends. */
export async function* stretches(
  one: AsyncIterable<Buffer>,
  other: AsyncIterable<Buffer>,
): AsyncGenerator<[Buffer, Buffer]> {
  const others = other[Symbol.asyncIterator]();
  try {
    let b: Buffer = Buffer.alloc(0);
    for await (let a of one) {
      while (a.length > 0) {
        if (b.length === 0) {
          const next = await others.next();
          if (next.done) return;
          b = next.value;
        }
        const length = Math.min(a.length, b.length);
        yield [a.subarray(0, length), b.subarray(0, length)];
        [a, b] = [a.subarray(length), b.subarray(length)];
      }
    }
  } finally {
    await others.return?.();
  }
}

/**
 * Where two files begin to differ, in bytes.
 * @returns undefined where they are the same; the shorter one's length where it is the beginning of the other
 */
export async function firstDifference(a: string, b: string): Promise<number | undefined> {
  let at = 0;
  for await (const [one, other] of stretches(createReadStream(a), createReadStream(b))) {
    if (!one.equals(other)) return at + one.findIndex((byte, i) => byte !== other[i]);
    at += one.length;
  }
  const [size, otherSize] = (await Promise.all([stat(a), stat(b)])).map((file) => file.size);
  return size === otherSize ? undefined : at;
}
