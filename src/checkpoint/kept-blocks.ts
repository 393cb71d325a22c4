import { DTYPES, type Dtype } from "../safetensors/dtype.js";

/** Which of equal blocks along an axis a file holds. The others are zeros. */
export interface KeptBlocks {
  readonly axis: 0 | 1;
  /** Rows or columns of a block. */
  readonly width: number;
  /** In the order in which the file holds them. */
  readonly blocks: readonly number[];
}

interface Spread {
  readonly dtype: Dtype;
  /** Of the whole. */
  readonly shape: readonly number[];
  readonly kept?: KeptBlocks;
}

/** The shape in which a tensor lies in its file. */
export function storedShape({ shape, kept }: Omit<Spread, "dtype">): readonly number[] {
  if (!kept) return shape;
  return shape.map((size, axis) => (axis === kept.axis ? kept.blocks.length * kept.width : size));
}

/** The whole tensor of the bytes that its file holds. */
export function withZeroBlocks(stored: Buffer, { dtype, shape, kept }: Spread): Buffer {
  if (!kept) return stored;
  const size = DTYPES[dtype].bits / 8;
  const rows = kept.axis === 0 ? 1 : (shape[0] ?? 1);
  const total = shape.reduce((product, length) => product * length, size);
  const block = (total / rows / (shape[kept.axis] ?? 1)) * kept.width;
  const whole = Buffer.alloc(total);
  let from = 0;
  for (let row = 0; row < rows; row++) {
    for (const index of kept.blocks) {
      stored.copy(whole, (row * total) / rows + index * block, from, from + block);
      from += block;
    }
  }
  return whole;
}
