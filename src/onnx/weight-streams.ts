import type { WeightReader } from "../checkpoint/weight-reader.js";
import type { SourceTensor } from "../model/names.js";
import { encodeFloats, type Floats } from "../safetensors/floats.js";
import { tensorBytes } from "../safetensors/header.js";
import type { Value } from "./body.js";
import type { GraphBuilder, Initializer } from "./builder.js";

/** Bytes of float32 that are read at a time. */
const BLOCK_BYTES = 4 << 20;

/** Bytes of float32 of the columns gathered at a time: larger matrices are read several times rather than held. */
const TRANSPOSED_BYTES = 32 << 20;

const F32_BYTES = 4;

/** Numbers as they are made out of a checkpoint's, or those themselves. */
export type Numbers = Floats | Int8Array | Uint8Array;

/**
 * Linear layers with fewer outputs keep their floats: nothing is saved there, and each output is an answer of its own
 * (a label, a beginning, an end).
 */
const MIN_OUTPUTS = 32;

/** Whether a linear layer's weight [out, in] is worth quantising. */
export function isWide({ stored: { shape } }: SourceTensor): boolean {
  return (shape[0] ?? 1) >= MIN_OUTPUTS;
}

/** Rows of a tensor that follow one another. */
interface RowBlock {
  readonly start: number;
  readonly count: number;
  readonly values: Floats;
}

/** A tensor's rows from the first to the last, as many at a time as memory should hold. */
async function* rowBlocks(
  { sourceName, stored: { shape } }: SourceTensor,
  reader: WeightReader,
): AsyncGenerator<RowBlock> {
  const rows = shape[0] ?? 1;
  const perRow = shape.slice(1).reduce((product, size) => product * size, 1);
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / (perRow * F32_BYTES)));
  for (let start = 0; start < rows; start += perBlock) {
    const count = Math.min(perBlock, rows - start);
    yield { start, count, values: await reader.values({ tensor: sourceName, start, count, step: 1 }) };
  }
}

/** What becomes of a tensor's rows, in the same order. */
export async function* madeOfRows<T extends Numbers>(
  tensor: SourceTensor,
  reader: WeightReader,
  make: (values: Floats) => T,
): AsyncGenerator<T> {
  for await (const { values } of rowBlocks(tensor, reader)) yield make(values);
}

/** The columns of a matrix [rows, columns] as rows, some at a time. */
export async function* columnBlocks<T extends Numbers>(
  tensor: SourceTensor,
  reader: WeightReader,
  create: (length: number) => T,
  convert: (values: Floats) => Numbers = (values) => values,
): AsyncGenerator<T> {
  const [rows = 1, columns = 1] = tensor.stored.shape;
  const perPass = Math.max(1, Math.floor(TRANSPOSED_BYTES / (rows * F32_BYTES)));
  for (let first = 0; first < columns; first += perPass) {
    const width = Math.min(perPass, columns - first);
    const pass = create(width * rows);
    for await (const { start, count, values } of rowBlocks(tensor, reader)) {
      const converted = convert(values);
      for (let row = 0; row < count; row++) {
        const from = row * columns + first;
        for (let column = 0; column < width; column++)
          pass[column * rows + start + row] = converted[from + column] as number;
      }
    }
    yield pass;
  }
}

/** An initializer whose numbers are made when the graph is written. */
export function streamed(
  graph: GraphBuilder,
  initializer: Omit<Initializer, "data">,
  blocks: () => AsyncIterable<Numbers>,
): Value {
  const { dtype, dims } = initializer;
  async function* stream() {
    for await (const block of blocks()) {
      const isFloat = block instanceof Float32Array || block instanceof Float64Array;
      yield isFloat ? encodeFloats(block, dtype === "F16" ? dtype : "F32") : bytesOf(block);
    }
  }
  const length = tensorBytes(dtype, dims) ?? 0;
  return graph.initializer({ ...initializer, data: { kind: "source", length, stream } });
}

function bytesOf({ buffer, byteOffset, byteLength }: Int8Array | Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
