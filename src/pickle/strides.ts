/**
 * Elements from a tensor's first to its last in the storage, both counted; 0 if it has none.
 * Undefined where the count is too large to be exact.
 * @param strides in elements, as many as `shape` has axes
 */
export function spanElements(shape: readonly number[], strides: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  // A product or sum beyond 2^53 rounds to something that is not a safe integer either.
  const span = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), 1);
  return Number.isSafeInteger(span) ? span : undefined;
}

/** True if the elements lie in the storage in row-major order without gaps: a range of bytes. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  return shape.every((_, i) => {
    const axis = shape.length - 1 - i;
    const size = shape[axis] ?? 0;
    // An axis of one element is never stepped along: its stride means nothing.
    const fits = size === 1 || strides[axis] === expected;
    expected *= size;
    return fits;
  });
}

/**
 * A strided tensor is put in order in memory, so neither it nor the run of storage that it is read from
 * may be larger. Checkpoints have few such tensors, if any: transposed matrices of some megabytes.
 */
export const MAX_GATHERED_BYTES = 2 ** 30;
