import { quote } from "../base/quote.js";
import { DTYPES, type Dtype } from "../safetensors/dtype.js";
import { MAX_AXES, tensorBytes } from "../safetensors/header.js";
import { damaged, describe, refused } from "./faults.js";
import { isContiguous, MAX_GATHERED_BYTES, spanElements } from "./strides.js";
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
