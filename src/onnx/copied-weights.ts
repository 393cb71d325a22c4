import type { SourceTensor } from "../plan/names.js";
import { encodeFloats } from "../safetensors/floats.js";
import type { WeightReader } from "../write/weight-reader.js";
import type { Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import type { WeightSource } from "./weights.js";

/** Weights are read so many bytes at a time. */
const BLOCK_BYTES = 4 << 20;

/** Columns are gathered so many bytes at a time: larger matrices are read several times rather than held. */
const TRANSPOSED_BYTES = 32 << 20;

const F32_BYTES = 4;

/**
 * A checkpoint's weights, copied into the model as float32. They are streamed: memory stays at one block, or
 * one block of columns. Matrices are transposed on the way, which runtimes' quantisers ask for.
 */
export function copiedWeights(reader: WeightReader): WeightSource {
  return {
    tensor: (graph, tensor) =>
      initializer(graph, tensor, tensor.stored.shape, () => plainBlocks(tensor, reader)),
    matrix: (graph, tensor) =>
      initializer(graph, tensor, [...tensor.stored.shape].reverse(), () => transposedBlocks(tensor, reader)),
  };
}

function initializer(
  graph: GraphBuilder,
  { name }: SourceTensor,
  dims: readonly number[],
  stream: () => AsyncIterable<Uint8Array>,
): Value {
  const data = { kind: "source", length: elements(dims) * F32_BYTES, stream } as const;
  return graph.initializer({ name, dtype: "F32", dims, data });
}

async function* plainBlocks(
  { sourceName, stored }: SourceTensor,
  reader: WeightReader,
): AsyncGenerator<Uint8Array> {
  for (const { start, count } of blocks(stored.shape)) {
    yield encodeFloats(await reader.values({ tensor: sourceName, start, count, step: 1 }), "F32");
  }
}

/** The columns of a matrix [rows, columns] as rows. */
async function* transposedBlocks(
  { sourceName, stored }: SourceTensor,
  reader: WeightReader,
): AsyncGenerator<Uint8Array> {
  const [rows = 1, columns = 1] = stored.shape;
  const perPass = Math.max(1, Math.floor(TRANSPOSED_BYTES / (rows * F32_BYTES)));
  for (let first = 0; first < columns; first += perPass) {
    const width = Math.min(perPass, columns - first);
    const pass = new Float32Array(width * rows);
    for (const { start, count } of blocks(stored.shape)) {
      const values = await reader.values({ tensor: sourceName, start, count, step: 1 });
      for (let row = 0; row < count; row++) {
        const from = row * columns + first;
        for (let column = 0; column < width; column++)
          pass[column * rows + start + row] = values[from + column] ?? 0;
      }
    }
    yield encodeFloats(pass, "F32");
  }
}

/** Runs of rows of about BLOCK_BYTES. */
function blocks(shape: readonly number[]): { start: number; count: number }[] {
  const rows = shape[0] ?? 1;
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / (elements(shape.slice(1)) * F32_BYTES)));
  return Array.from({ length: Math.ceil(rows / perBlock) }, (_, i) => {
    return { start: i * perBlock, count: Math.min(perBlock, rows - i * perBlock) };
  });
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
