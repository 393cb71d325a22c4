import * as ort from "onnxruntime-node";
import type { OnnxModel, TensorData } from "../../src/onnx/builder.js";
import { modelBytes } from "../../src/onnx/writer.js";

/** Float32 numbers as an initializer's bytes. */
export function inline(values: readonly number[]): TensorData {
  return { kind: "inline", bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Opens a graph on the CPU. */
export async function open(model: OnnxModel): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(await modelBytes(model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

/** Runs a graph of one float32 input `x` and one output `y`. */
export async function runGraph(model: OnnxModel, x: readonly number[], dims: number[]): Promise<number[]> {
  return runSession(await open(model), x, dims);
}

/** The same with an open session. */
export async function runSession(
  session: ort.InferenceSession,
  x: readonly number[],
  dims: number[],
): Promise<number[]> {
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.from(x), dims) });
  return Array.from((y?.data ?? []) as Float32Array);
}
