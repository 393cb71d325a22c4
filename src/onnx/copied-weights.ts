import { CheckpointError } from "../base/errors.js";
import type { WeightReader } from "../checkpoint/weight-reader.js";
import type { SourceTensor } from "../model/names.js";
import type { Floats } from "../safetensors/floats.js";
import { type FloatWeights, floatWeights } from "./float-weights.js";
import { columnBlocks, madeOfRows, streamed } from "./weight-streams.js";
import type { ComputeDtype, WeightSource } from "./weights.js";

/** The largest finite half. */
const MAX_HALF = 65504;

/**
 * A checkpoint's weights, copied into the model as floats. They are streamed: memory stays at one block, or
 * one block of columns. Matrices are transposed on the way, which runtimes' quantisers ask for.
 */
export function copiedWeights(reader: WeightReader, dtype?: ComputeDtype): WeightSource {
  return floatWeights(copiedFloats(reader, dtype));
}

/** The same before it is said what becomes of them. */
export function copiedFloats(reader: WeightReader, dtype: ComputeDtype = "F32"): FloatWeights {
  const checked = (tensor: SourceTensor) => (values: Floats) =>
    dtype === "F16" ? requireHalves(values, tensor) : values;
  return {
    dtype,
    tensor(graph, tensor) {
      const { name, stored } = tensor;
      return streamed(graph, { name, dtype, dims: stored.shape }, () =>
        madeOfRows(tensor, reader, checked(tensor)),
      );
    },
    matrix(graph, tensor) {
      const { name, stored } = tensor;
      return streamed(graph, { name, dtype, dims: [...stored.shape].reverse() }, () =>
        columnBlocks(tensor, reader, (length) => new Float32Array(length), checked(tensor)),
      );
    },
  };
}

/** @throws CheckpointError for a weight that float16 has no number for */
function requireHalves(values: Floats, { sourceName }: SourceTensor): Floats {
  const beyond = values.find((value) => Math.abs(value) > MAX_HALF);
  if (beyond === undefined) return values;
  throw new CheckpointError(
    `tensor "${sourceName}" holds ${beyond}, and float16 ends at ${MAX_HALF}`,
    "Export other dtypes: --onnx fp32,q8.",
  );
}
