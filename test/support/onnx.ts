import * as ort from "onnxruntime-node";

/** int64 numbers of one input; (batch, …, length). */
export interface InputTensor {
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

/** By input name. */
export type Inputs = Readonly<Record<string, InputTensor>>;

/** By output name. */
export type Outputs = Readonly<Record<string, OutputTensor>>;

export interface OutputTensor {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** Opens a graph on the CPU. */
export function openModel(path: string): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

/** Runs a graph and checks that what comes out is as it says: names, ranks, float32. */
export async function runModel(session: ort.InferenceSession, inputs: Inputs): Promise<Outputs> {
  const feeds = Object.entries(inputs).map(([name, { dims, values }]) => {
    return [name, new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [...dims])] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, dims }]) => {
      if (!(data instanceof Float32Array)) throw new TypeError(`output ${name} is not float32`);
      const declared = axesOf(session.outputMetadata, name).length;
      if (declared !== dims.length)
        throw new RangeError(`output ${name}: rank ${dims.length}, not ${declared}`);
      return [name, { dims, values: data }];
    }),
  );
}

/** The axes of an input or output as the graph declares them. */
export function axesOf(metadata: readonly ort.InferenceSession.ValueMetadata[], name: string) {
  const found = metadata.find((value) => value.name === name);
  if (!found?.isTensor) throw new Error(`there is no tensor ${name}`);
  return found.shape;
}

/**
 * The largest difference over the largest expected value. NaN in `expected` is nobody's result; a value that
 * is not finite is infinitely wrong, and so is another number of values.
 */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] ?? Number.NaN, expected[i] ?? Number.NaN];
    if (!Number.isFinite(a)) return Number.POSITIVE_INFINITY;
    if (Number.isNaN(e)) continue;
    scale = Math.max(scale, Math.abs(e));
    difference = Math.max(difference, Math.abs(a - e));
  }
  return scale > 0 ? difference / scale : difference;
}
