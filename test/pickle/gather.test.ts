import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { PickleError } from "../../src/base/errors.js";
import { gather, isContiguous, spanElements } from "../../src/pickle/stored-tensor.js";

async function openFile(bytes: Buffer) {
  const folder = await mkdtemp(join(tmpdir(), "pickle-"));
  const path = join(folder, "file");
  await writeFile(path, bytes);
  const file = await open(path);
  onTestFinished(async () => {
    await file.close();
    await rm(folder, { recursive: true });
  });
  return file;
}

/** Byte n of the file is n, so that every element is known by its place. */
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

it("puts a transposed matrix in order, from an odd byte on", async () => {
  const file = await openFile(BYTES);
  const matrix = { dtype: "F16", shape: [3, 2], begin: 7, strides: [1, 3] } as const;
  // Elements begin at 7, 9, 11 | 13, 15, 17.
  expect([...(await gather(file, matrix))]).toEqual([7, 8, 13, 14, 9, 10, 15, 16, 11, 12, 17, 18]);
});

it("gives the elements that the formula offset + Σ index · stride names", async () => {
  const file = await openFile(BYTES);
  const axis = fc.record({ size: fc.nat(4), stride: fc.nat(6) });
  const dtype = fc.constantFrom(
    ["U8", 1] as const,
    ["BF16", 2] as const,
    ["F32", 4] as const,
    ["I64", 8] as const,
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(axis, { maxLength: 3 }),
      dtype,
      fc.nat(40),
      async (axes, [name, size], begin) => {
        const shape = axes.map((one) => one.size);
        const strides = axes.map((one) => one.stride);
        fc.pre(begin + (spanElements(shape, strides) ?? 0) * size <= BYTES.length);

        let places = [begin];
        axes.forEach((one) => {
          places = places.flatMap((place) => {
            return Array.from({ length: one.size }, (_, i) => place + i * one.stride * size);
          });
        });
        const expected = places.flatMap((place) => [...BYTES.subarray(place, place + size)]);
        const found = [...(await gather(file, { dtype: name, shape, begin, strides }))];
        expect(found).toEqual(expected);
        if (isContiguous(shape, strides))
          expect(found).toEqual([...BYTES.subarray(begin, begin + found.length)]);
      },
    ),
  );
});

it("throws where the file has become shorter", async () => {
  const file = await openFile(BYTES.subarray(0, 20));
  const column = { dtype: "F32", shape: [3], begin: 8, strides: [2] } as const;
  await expect(gather(file, column)).rejects.toThrow(PickleError);
  await expect(gather(file, column)).rejects.toThrow("ends at byte 20, before byte 28");
});

it("knows how far strides reach, and when that is no exact number", () => {
  expect(spanElements([], [])).toBe(1);
  expect(spanElements([2, 3], [3, 1])).toBe(6);
  expect(spanElements([2, 3], [1, 2])).toBe(6);
  expect(spanElements([5, 0], [9, 9])).toBe(0);
  expect(spanElements([2], [Number.MAX_SAFE_INTEGER - 1])).toBe(Number.MAX_SAFE_INTEGER);
  expect(spanElements([2], [Number.MAX_SAFE_INTEGER])).toBeUndefined();
});
