import type { FileHandle } from "node:fs/promises";
import { quote } from "../base/quote.js";
import { DTYPES, type Dtype } from "../safetensors/dtype.js";
import { MAX_AXES, tensorBytes } from "../safetensors/header.js";
import { damaged, describe, refused } from "./faults.js";
import { readBytes } from "./read-bytes.js";
import { type Extent, isCount, isKind, type PickledTensor, type PickleValue } from "./values.js";

/** Where a tensor of a state dict lies in its file. Proven: its bytes are there. */
export interface StoredTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte of the first element in the file. */
  readonly begin: number;
  /**
   * Present if the tensor is not the row-major range of bytes from `begin`: elements from one to the next,
   * by axis. `gather` puts it in order.
   */
  readonly strides?: readonly number[];
  /**
   * Identity of the stored elements: tensors with the same one are tied. Tensors that share a storage
   * without being the same view of it (query, key and value cut from one matrix) differ here.
   */
  readonly storage: string;
  /** Present if the tensor has more bytes than its storage: strides of 0 give the same ones again and again. */
  readonly beyondStorage?: { readonly key: string; readonly bytes: number };
}

/**
 * Proves that a tensor as the pickle describes it lies within its storage, and the storage's bytes in the file.
 * @param extents the stored bytes by storage key, as many as the pickle announces
 * @throws PickleError that names the tensor and what is wrong with it.
 */
export function proveTensor(
  name: string,
  tensor: PickledTensor,
  extents: ReadonlyMap<string, Extent>,
): StoredTensor {
  const fault = (what: string) => damaged(`tensor ${quote(name)} ${what}`);
  const { storage, offset } = tensor;
  const extent = isKind(storage, "storage") ? extents.get(storage.key) : undefined;
  if (!isKind(storage, "storage") || !extent) throw fault(`has ${describe(storage)} as its storage`);
  const dtype = tensor.dtype === undefined ? storage.dtype : namedDtype(tensor.dtype);
  if (!dtype) throw fault(`has ${describe(tensor.dtype)} as its dtype`);
  const shape = counts(tensor.shape);
  if (!shape) {
    throw fault(`has ${describe(tensor.shape)} as its shape, expected at most ${MAX_AXES} sizes from 0`);
  }
  const strides = counts(tensor.strides);
  if (strides?.length !== shape.length) throw fault(`has strides that do not fit its shape [${shape}]`);
  if (!isCount(offset)) throw fault(`begins at ${describe(offset)} in its storage, expected an element`);
  if (hasFlags(tensor.flags)) {
    throw refused(
      `tensor ${quote(name)} is a conjugated or negated view: its stored numbers are not its values`,
    );
  }

  const bytes = tensorBytes(dtype, shape);
  const span = spanElements(shape, strides);
  if (bytes === undefined || span === undefined) {
    throw fault(`has a shape [${shape}] with strides [${strides}] that no file can hold`);
  }
  const elementBytes = DTYPES[dtype].bits / 8;
  const storageElementBytes = DTYPES[storage.dtype].bits / 8;
  const available = storage.elements * storageElementBytes;
  // A tensor without elements may begin anywhere: PyTorch cuts such views from beyond their storage.
  const first = (span === 0 ? 0 : offset) * elementBytes;
  const end = first + span * elementBytes;
  // Inexact only above 2^53, where both sides stay far apart: `available` is at most the file's size.
  if (end > available) throw fault(`reaches byte ${end} of a storage of ${available} bytes`);
  const begin = extent.begin + storage.start * storageElementBytes + first;
  if (isContiguous(shape, strides)) return { dtype, shape, begin, storage: `${dtype}[${shape}]@${begin}` };
  if (Math.max(bytes, span * elementBytes) > MAX_GATHERED_BYTES) {
    throw refused(
      `tensor ${quote(name)} has a shape [${shape}] with strides [${strides}]: not contiguous, and larger ` +
        `than the ${MAX_GATHERED_BYTES} bytes that are put in order in memory`,
    );
  }
  const beyondStorage = bytes > available ? { key: storage.key, bytes: available } : undefined;
  return {
    ...{ dtype, shape, begin, strides, storage: `${dtype}[${shape}]@${begin}/${strides}` },
    ...(beyondStorage && { beyondStorage }),
  };
}

function counts(values: PickleValue | undefined): readonly number[] | undefined {
  if (!Array.isArray(values) || values.length > MAX_AXES) return undefined;
  return values.every(isCount) ? [...values] : undefined;
}

function namedDtype(value: PickleValue | undefined): Dtype | undefined {
  return isKind(value, "global") ? value.dtype : undefined;
}

/** A dict of switches such as `{"conj": True}`; None and an empty dict set nothing. */
function hasFlags(flags: PickleValue | undefined): boolean {
  if (flags === undefined || flags === null) return false;
  return !(flags instanceof Map) || [...flags.values()].some((flag) => flag !== false);
}

/** Where a tensor's elements are in the file. */
type StridedTensor = Pick<StoredTensor, "dtype" | "shape" | "begin" | "strides">;

/** Elements are moved as words: their bytes, and so their order on any machine, stay what they are. */
const WORDS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array } as const;

/**
 * The bytes of a tensor in row-major order, for one with strides; a tensor without is a range of the file.
 * Takes the memory of the tensor and of the run of storage that it lies in, each at most MAX_GATHERED_BYTES.
 * @param file the state-dict file, open for reading
 * @throws PickleError if the file has become shorter.
 */
export async function gather(file: FileHandle, tensor: StridedTensor): Promise<Buffer> {
  const { dtype, shape, begin, strides = [] } = tensor;
  const size = DTYPES[dtype].bits / 8;
  const Words = WORDS[size as keyof typeof WORDS];
  const run = await readBytes(file, begin, begin + (spanElements(shape, strides) ?? 0) * size);
  const source = new Words(run.buffer, run.byteOffset, run.length / size);
  const target = new Words(shape.reduce((product, length) => product * length, 1));

  let next = 0;
  const visit = (axis: number, from: number) => {
    const length = shape[axis];
    if (length === undefined) {
      target[next++] = source[from]!;
      return;
    }
    for (let i = 0; i < length; i++) visit(axis + 1, from + i * (strides[axis] ?? 0));
  };
  visit(0, 0);
  return Buffer.from(target.buffer);
}

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
