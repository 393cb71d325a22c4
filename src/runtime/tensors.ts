export interface NumberTensor {
  readonly dims: readonly number[];
  /** Row-major; as many as `dims` say. */
  readonly values: ArrayLike<number>;
  readonly dtype: "int64" | "float32" | "bool";
}

/** One output of a graph; float16 comes as float32. */
export interface FloatTensor {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** The part of (batch, length, width) that belongs to one row's tokens `[start, end)`. */
export function tokensOf(
  { dims, values }: FloatTensor,
  row: number,
  start: number,
  end: number,
): Float32Array {
  const [, length = 0, width = 0] = dims;
  return values.subarray((row * length + start) * width, (row * length + end) * width);
}

/** Tokens `[start, end)` of each row of (batch, length, width). */
export function tokenRange(tensor: FloatTensor, start: number, end: number): FloatTensor {
  const [batch = 0, length = 0, width = 0] = tensor.dims;
  if (start === 0 && end === length) return tensor;
  const values = new Float32Array(batch * (end - start) * width);
  for (let row = 0; row < batch; row++) {
    values.set(tokensOf(tensor, row, start, end), row * (end - start) * width);
  }
  return { dims: [batch, end - start, width], values };
}

/** The last `count` tokens of each row of (batch, length, width), or all where there are fewer. */
export function lastTokens(tensor: FloatTensor, count: number): FloatTensor {
  const length = tensor.dims[1] ?? 0;
  return tokenRange(tensor, Math.max(0, length - count), length);
}
