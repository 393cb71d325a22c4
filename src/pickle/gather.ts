import type { FileHandle } from "node:fs/promises";
import { DTYPES } from "../safetensors/dtype.js";
import { readBytes } from "./read-bytes.js";
import type { StoredTensor } from "./stored-tensor.js";
import { spanElements } from "./strides.js";

/** Where a tensor's elements are in the file. */
export type StridedTensor = Pick<StoredTensor, "dtype" | "shape" | "begin" | "strides">;

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
