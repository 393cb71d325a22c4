import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";

const half = (value: number) => encodeFloats(Float64Array.of(value), "F16").readUInt16LE();
const bfloat = (value: number) => encodeFloats(Float64Array.of(value), "BF16").readUInt16LE();

/** Every 16-bit pattern, little-endian. */
const ALL_PATTERNS = Buffer.from(Uint16Array.from({ length: 0x10000 }, (_, i) => i).buffer);

describe.each(["F16", "BF16"] as const)("%s", (dtype) => {
  test("every number is itself again after decoding and encoding", () => {
    const values = decodeFloats(ALL_PATTERNS, dtype);
    const again = encodeFloats(values, dtype);
    const changed = [...values.keys()].filter(
      (i) => !Number.isNaN(values[i]) && again.readUInt16LE(2 * i) !== ALL_PATTERNS.readUInt16LE(2 * i),
    );
    expect(changed).toEqual([]);
  });

  test("a value between two numbers goes to the nearer one, the middle to the even one", () => {
    const values = decodeFloats(ALL_PATTERNS, dtype);
    const wrong: number[] = [];
    for (let i = 0; i < 0x7fff; i++) {
      const [low, high] = [values[i]!, values[i + 1]!];
      if (!Number.isFinite(high)) break;
      const encode = dtype === "F16" ? half : bfloat;
      const even = i % 2 === 0 ? i : i + 1;
      const isRight =
        encode(low + (high - low) / 2) === even &&
        encode(low + (high - low) * 0.49) === i &&
        encode(low + (high - low) * 0.51) === i + 1;
      if (!isRight) wrong.push(i);
    }
    expect(wrong).toEqual([]);
  });
});

test.each([
  [1, 0x3c00],
  [-2, 0xc000],
  [65504, 0x7bff],
  [65519.99, 0x7bff],
  [65520, 0x7c00],
  [2 ** -24, 0x0001],
  [2 ** -25, 0x0000],
  [-0, 0x8000],
  [Number.NEGATIVE_INFINITY, 0xfc00],
])("half of %d is %i", (value, bits) => expect(half(value)).toBe(bits));

test.each([
  [1, 0x3f80],
  [3.4e38, 0x7f80],
  [1e-40, 0x0001],
  [Number.POSITIVE_INFINITY, 0x7f80],
])("bfloat of %d is %i", (value, bits) => expect(bfloat(value)).toBe(bits));

test("bfloat agrees with rounding the bits of a float32", () => {
  const property = fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
    const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
    const rounded = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
    expect(bfloat(value)).toBe(rounded);
  });
  fc.assert(property, { numRuns: 2000 });
});

test("F32 and F64 keep their bytes", () => {
  const bytes = Buffer.from(Float32Array.of(1e-45, -0, 3.14, 1e38).buffer);
  expect(encodeFloats(decodeFloats(bytes, "F32"), "F32")).toEqual(bytes);
  const wide = Buffer.from(Float64Array.of(5e-324, Math.PI).buffer);
  expect(encodeFloats(decodeFloats(wide, "F64"), "F64")).toEqual(wide);
});

test("halves of float32 are those of float64, at every border and beside it", () => {
  const halves = Float32Array.from(decodeFloats(ALL_PATTERNS, "F16"));
  const words = new Uint32Array(halves.buffer);
  // Beside each half, and beside the middle to the next one.
  const beside = [-1, 0, 1, 0xfff, 0x1000, 0x1001].flatMap((step) =>
    Array.from(words, (word) => word + step),
  );
  const values = new Float32Array(Uint32Array.from(beside).buffer);
  expect(encodeFloats(values, "F16").equals(encodeFloats(Float64Array.from(values), "F16"))).toBe(true);
});
