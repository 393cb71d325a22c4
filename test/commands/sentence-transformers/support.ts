import { join } from "node:path";
import { convert } from "../../../src/commands/convert.js";
import { exportOnnx } from "../../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../../src/options/options.js";
import { FIXTURES } from "../../support/fixtures.js";
import { type Inputs, type Outputs, openModel, runModel } from "../../support/onnx.js";
import { type ReadTensor, readSafetensors } from "../../support/safetensors.js";

export const HOME = join(FIXTURES, "sentence-transformers");

/** The graph's last output by fixture. */
export const OUTPUTS: Readonly<Record<string, string>> = {
  nested: "sentence_embedding",
  modern: "sentence_embedding",
  colbert: "output",
  pylate: "output",
};

/** Output and inputs of a batch of a golden. */
export interface GoldenBatch {
  readonly name: string;
  readonly inputs: Inputs;
  readonly expected: Float32Array;
  readonly dims: readonly number[];
}

/** What the library computed with a fixture. */
export function goldenBatches(fixture: string): GoldenBatch[] {
  const tensors = readSafetensors(join(HOME, `${fixture}.safetensors`));
  const names = [...new Set([...tensors.keys()].map((name) => name.split(".")[0] ?? ""))];
  return names.map((name) => {
    const tensor = (part: string) => tensors.get(`${name}.${part}`) as ReadTensor;
    const ids = tensor("input_ids");
    const inputs = {
      input_ids: integers(ids),
      attention_mask: integers(tensor("attention_mask")),
      token_type_ids: { dims: ids.shape, values: integers(ids).values.map(() => 0) },
    };
    const { shape, bytes } = tensor("expected");
    return { name, inputs, dims: shape, expected: new Float32Array(Uint8Array.from(bytes).buffer) };
  });
}

function integers({ shape, bytes }: ReadTensor) {
  return { dims: shape, values: Array.from(new BigInt64Array(Uint8Array.from(bytes).buffer), Number) };
}

/** Runs a graph over all batches. */
export async function runBatches(graph: string, batches: readonly GoldenBatch[]): Promise<Outputs[]> {
  const session = await openModel(graph);
  try {
    const all: Outputs[] = [];
    for (const { inputs } of batches) all.push(await runModel(session, inputs));
    return all;
  } finally {
    await session.release();
  }
}

/** The largest difference where there is no padding; of whole texts anywhere. */
export function largestDifference(batch: GoldenBatch, actual: ArrayLike<number>): number {
  if (actual.length !== batch.expected.length) return Number.POSITIVE_INFINITY;
  const width = batch.dims.at(-1) ?? 1;
  const mask = batch.dims.length === 3 ? batch.inputs.attention_mask?.values : undefined;
  const differences = Array.from(batch.expected, (value, i) =>
    mask?.[Math.floor(i / width)] === 0 ? 0 : Math.abs(value - (actual[i] ?? Number.NaN)),
  );
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...differences);
}

export async function exportTo(source: string, output: string, given: Record<string, unknown> = {}) {
  return exportOnnx(source, output, parseExportOptions(given));
}

export async function convertTo(source: string, output: string, given: Record<string, unknown> = {}) {
  return convert(source, output, parseConvertOptions({ maxSequenceLength: 256, ...given }));
}
