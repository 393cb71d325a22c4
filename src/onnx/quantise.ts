import { CheckpointError } from "../base/errors.js";
import type { SourceTensor } from "../model/names.js";
import type { Floats } from "../safetensors/floats.js";

/**
 * The largest code of 8 bits, and the largest that two neighbours of one sign have together but for rounding: with it at
 * most 128. Scales are symmetric, so that −128 stays unused and zero is exact.
 */
const LARGEST_BYTE = 127;

/** Codes of 4 bits are 0 to 15. */
const LARGEST_NIBBLE = 15;

/** Elements of a row that share a scale in 4 bits: what every runtime has a kernel for. */
export const BLOCK_SIZE = 32;

/** @throws CheckpointError for a weight that is not finite: it has no scale */
export function requireFinite(values: Floats, { sourceName }: SourceTensor): Floats {
  // What is not finite stays in a sum.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  if (Number.isFinite(sum)) return values;
  const found = values.find((value) => !Number.isFinite(value));
  if (found === undefined) return values;
  throw new CheckpointError(
    `tensor "${sourceName}" holds ${found}, which cannot be quantised`,
    "Export floats: --onnx fp32.",
  );
}

/**
 * For each row what its codes are multiplied by. On x86 without VNNI ONNX Runtime adds the products of bytes in pairs, of
 * elements 0 and 1, 2 and 3 …, and what such a sum has beyond 16 bits is cut off. So a pair of one sign shares the range
 * that an element has: 255 · 128 fits, and products are exact on every processor. Steps grow by 28 % (measured on real models),
 * where weights of 7 bits, which would fit as well, double them, and unsigned ones do without VNNI where there is one.
 * @param values rows of `width`
 */
export function rowScales(values: Floats, width: number): Float32Array {
  const scales = new Float32Array(values.length / width);
  for (let row = 0; row < scales.length; row++) {
    let peak = 0;
    const end = (row + 1) * width;
    for (let i = row * width; i < end; i += 2) {
      const [a, b] = [values[i] as number, i + 1 < end ? (values[i + 1] as number) : 0];
      const size = a > 0 === b > 0 ? Math.abs(a + b) : Math.max(Math.abs(a), Math.abs(b));
      if (size > peak) peak = size;
    }
    scales[row] = nonZero(peak / LARGEST_BYTE);
  }
  return scales;
}

/** Rows as whole numbers from −127 to 127. @param scales of `rowScales` */
export function rowCodes(values: Floats, width: number, scales: Float32Array): Int8Array {
  const codes = new Int8Array(values.length);
  for (const [row, scale] of scales.entries()) {
    for (let i = row * width; i < (row + 1) * width; i++)
      codes[i] = Math.round((values[i] as number) / scale);
  }
  return codes;
}

/** For each block of a row: a code stands for (code − zero point) · scale. */
export interface BlockScales {
  readonly scales: Float32Array;
  readonly zeroPoints: Uint8Array;
}

/** Blocks in a row. */
export function blocksIn(width: number): number {
  return Math.ceil(width / BLOCK_SIZE);
}

/**
 * Scales and zero points of blocks, one row's after the other's. Zero is one of the codes, whatever the range.
 * @param values rows of `width`
 */
export function blockScales(values: Floats, width: number): BlockScales {
  const perRow = blocksIn(width);
  const count = (values.length / width) * perRow;
  const [scales, zeroPoints] = [new Float32Array(count), new Uint8Array(count)];
  for (let block = 0; block < count; block++) {
    const [begin, end] = blockRange(block, perRow, width);
    let [low, high] = [0, 0];
    for (let i = begin; i < end; i++) {
      const value = values[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const scale = nonZero((high - low) / LARGEST_NIBBLE);
    scales[block] = scale;
    zeroPoints[block] = Math.round(-low / scale);
  }
  return { scales, zeroPoints };
}

/** Blocks of 4-bit codes, two in a byte; a row's last block is filled up. */
export function blockCodes(values: Floats, width: number, { scales, zeroPoints }: BlockScales): Uint8Array {
  const perRow = blocksIn(width);
  const codes = new Uint8Array(scales.length * BLOCK_SIZE);
  for (const [block, scale] of scales.entries()) {
    const [begin, end] = blockRange(block, perRow, width);
    const zero = zeroPoints[block] as number;
    const at = block * BLOCK_SIZE;
    codes.fill(zero, at, at + BLOCK_SIZE);
    for (let i = begin; i < end; i++) {
      const code = Math.round((values[i] as number) / scale) + zero;
      codes[at + i - begin] = Math.min(LARGEST_NIBBLE, Math.max(0, code));
    }
  }
  return packNibbles(codes, codes.length);
}

/** Two codes in a byte, the earlier one in its lower half; every row begins with a byte of its own. */
export function packNibbles(codes: Uint8Array, width: number): Uint8Array {
  const bytesPerRow = Math.ceil(width / 2);
  const rows = codes.length / width;
  const packed = new Uint8Array(rows * bytesPerRow);
  for (let row = 0, at = 0; row < rows; row++) {
    const end = (row + 1) * width;
    for (let i = row * width; i < end; i += 2) {
      const upper = i + 1 < end ? (codes[i + 1] as number) : 0;
      packed[at++] = (codes[i] as number) | (upper << 4);
    }
  }
  return packed;
}

/** Where a block's elements are; a row's last one may be shorter. */
function blockRange(block: number, perRow: number, width: number): [begin: number, end: number] {
  const [row, place] = [Math.floor(block / perRow), block % perRow];
  const begin = row * width + place * BLOCK_SIZE;
  return [begin, Math.min(begin + BLOCK_SIZE, (row + 1) * width)];
}

/** The smallest float32 with all of its bits: a scale below it is too coarse to divide by. */
const SMALLEST_NORMAL = 2 ** -126;

/** As float32 has it. What is zero throughout, or next to it, has codes of zero, whatever the scale. */
function nonZero(scale: number): number {
  return scale < SMALLEST_NORMAL ? 1 : Math.fround(scale);
}
