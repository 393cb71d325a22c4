import { endianness } from "node:os";
import type { FloatDtype } from "./dtype.js";

const ELEMENT_BYTES = { F16: 2, BF16: 2, F32: 4, F64: 8 } as const satisfies Record<FloatDtype, number>;

/** Numbers of either precision; a Float32Array rounds what is stored into it. */
export type Floats = Float32Array | Float64Array;

/** Every machine that Node runs on but s390x; there F32 takes the slower way. */
const IS_LITTLE_ENDIAN = endianness() === "LE";

/**
 * Decodes little-endian floats. Every value is exact: F32 stays what it is, the others become float64.
 * @param bytes whole elements of `dtype`
 */
export function decodeFloats(bytes: Buffer, dtype: FloatDtype): Floats {
  if (dtype === "F32" && IS_LITTLE_ENDIAN) return new Float32Array(Uint8Array.from(bytes).buffer);
  const size = ELEMENT_BYTES[dtype];
  const values = new Float64Array(bytes.length / size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = READ[dtype];
  for (let i = 0; i < values.length; i++) values[i] = read(view, i * size);
  return values;
}

/** Encodes floats, rounding to nearest, ties to even. */
export function encodeFloats(values: Floats, dtype: FloatDtype): Buffer {
  if (dtype === "F32" && values instanceof Float32Array && IS_LITTLE_ENDIAN) {
    return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  }
  if (dtype === "F16" && values instanceof Float32Array && IS_LITTLE_ENDIAN) return encodeHalves(values);
  const size = ELEMENT_BYTES[dtype];
  const bytes = Buffer.alloc(values.length * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const write = WRITE[dtype];
  for (let i = 0; i < values.length; i++) write(view, i * size, values[i]!);
  return bytes;
}

const scratch = new DataView(new ArrayBuffer(4));

const READ: Record<FloatDtype, (view: DataView, at: number) => number> = {
  F64: (view, at) => view.getFloat64(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  BF16: (view, at) => {
    scratch.setUint32(0, view.getUint16(at, true) << 16);
    return scratch.getFloat32(0);
  },
  F16: (view, at) => decodeHalf(view.getUint16(at, true)),
};

const WRITE: Record<FloatDtype, (view: DataView, at: number, value: number) => void> = {
  F64: (view, at, value) => view.setFloat64(at, value, true),
  F32: (view, at, value) => view.setFloat32(at, value, true),
  BF16: (view, at, value) => view.setUint16(at, encodeBfloat(value), true),
  F16: (view, at, value) => view.setUint16(at, encodeHalf(value), true),
};

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
function decodeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function encodeHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // 65520 lies halfway between the largest half, 65504, and what would be the next.
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 halves are subnormal and lie 2^-24 apart, as they do from there to 2^-13.
  const exponent = Math.max(-14, exponentOf(magnitude));
  const fraction = roundToEven(magnitude * 2 ** (10 - exponent));
  // A fraction that rounds up to 2048 carries into the exponent, which the addition does by itself.
  return sign | ((exponent + 14) * 1024 + fraction);
}

/** What `encodeHalf` does, on the bits of float32: many times as fast, and whole models go through it. */
function encodeHalves(values: Float32Array): Buffer {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) {
    const word = words[i] as number;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude >= 0x477ff000) {
      // From 65520 on; NaNs lie behind infinity.
      halves[i] = magnitude > 0x7f800000 ? 0x7e00 : sign | 0x7c00;
    } else if (magnitude < 0x38800000) {
      // Below 2^-14 halves are subnormal, 2^-24 apart.
      halves[i] = sign | roundToEven(Math.abs(values[i] as number) * 2 ** 24);
    } else {
      // Exponents begin 112 lower, and 13 bits go: half of their place is added, but a tie goes to the even one.
      halves[i] = sign | ((magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    }
  }
  return Buffer.from(halves.buffer);
}

/** BF16 is the upper half of a float32. Rounded from float64 in one step, so never twice. */
function encodeBfloat(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return sign | 0x7f80;
  const exponent = Math.max(-126, exponentOf(magnitude));
  const fraction = roundToEven(magnitude * 2 ** (7 - exponent));
  return sign | Math.min(0x7f80, (exponent + 126) * 128 + fraction);
}

/** ⌊log₂(magnitude)⌋, exact; −1074 or more for positive numbers, and −Infinity for 0. */
function exponentOf(magnitude: number): number {
  if (magnitude === 0) return Number.NEGATIVE_INFINITY;
  const estimate = Math.floor(Math.log2(magnitude));
  if (2 ** estimate > magnitude) return estimate - 1;
  return 2 ** (estimate + 1) <= magnitude ? estimate + 1 : estimate;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
