import { readFileSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type * as ort from "onnxruntime-node";
import { expect } from "vitest";
import { modelTypes } from "../../src/architectures/architectures.js";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { isModelWeights } from "../../src/checkpoint/left-out.js";
import { openWeights } from "../../src/checkpoint/weight-reader.js";
import { isFloatDtype } from "../../src/safetensors/dtype.js";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES } from "../support/fixtures.js";
import {
  axesOf,
  type Inputs,
  type InputTensor,
  type OutputTensor,
  openModel,
  relativeDifference,
  runModel,
} from "../support/onnx.js";
import { type ReadTensor, readSafetensors, writeSafetensors } from "../support/safetensors.js";

/**
 * Float32 on both sides, in another order of sums: two to four layers, each with sums of up to 600 products
 * and a softmax that passes on the rounding of its scores. 1.2e-6 is the most that was seen; the smallest of
 * mistakes that were tried, a LayerNorm's epsilon of 1e-12 for 1e-5, already goes beyond this.
 */
export const TOLERANCE = 1e-5;

/** A model and what it computes, as fixtures/generate/outputs.py describes it. */
export interface OutputCase {
  readonly name: string;
  /** Folder among the model type's fixtures. */
  readonly checkpoint: string;
  /** transformers' class without LSG; null for the checkpoint's own. */
  readonly model: string | null;
  /** Config keys that are not the checkpoint's. */
  readonly config: Readonly<Record<string, unknown>>;
  /** LSG keys of the reference's conversion; null for the checkpoint as it is. */
  readonly lsg: Readonly<Record<string, unknown>> | null;
  readonly max_length: number | null;
  readonly task: string | null;
  /** Which inputs: `right` and `left` say where the padding is, `choices` have one more axis, and so on. */
  readonly inputs: string;
  readonly lengths: readonly number[];
  /** Of an output at a length every so many numbers are there. */
  readonly strides: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Of an encoder-decoder: what is run. */
  readonly part?: "encoder" | "model" | "generate";
  /** Arguments of generate(). */
  readonly generate?: Readonly<Record<string, unknown>> | null;
}

/** The model types whose goldens are those of encoders, or of encoder-decoders. */
export function typesOf(kind: "encoder" | "encoder-decoder"): string[] {
  return modelTypes().filter((modelType) => {
    const hasParts = outputGoldens(modelType).cases.some(({ part }) => part !== undefined);
    return hasParts === (kind === "encoder-decoder");
  });
}

/** Options for a graph that takes a case's inputs: its global attention, where they name it. */
export function globalAttentionOf({ inputs }: OutputCase): { globalAttention?: "input" } {
  return /globals|zeros|ones/.test(inputs) ? { globalAttention: "input" } : {};
}

export interface OutputGoldens {
  readonly modelType: string;
  readonly cases: readonly OutputCase[];
  readonly tensors: ReadonlyMap<string, ReadTensor>;
}

/** The goldens of a model type. */
export function outputGoldens(modelType: string): OutputGoldens {
  const folder = join(FIXTURES, modelType, "outputs");
  return {
    modelType,
    cases: JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")),
    tensors: readSafetensors(join(folder, "goldens.safetensors")),
  };
}

/** The inputs of a kind and length, by name. */
export function goldenInputs({ tensors }: OutputGoldens, kind: string, length: number): Inputs {
  return Object.fromEntries(
    below(tensors, `inputs/${kind}/${length}/`).map(([name, { shape, bytes }]) => {
      return [name, { dims: shape, values: [...bytes] }];
    }),
  );
}

/** The checkpoint that a case is about: the fixture's, or one made of it in `folder`. */
export async function caseSource(
  { modelType, tensors }: OutputGoldens,
  { name, checkpoint: own, model, config }: OutputCase,
  folder: string,
): Promise<string> {
  const checkpoint = join(FIXTURES, modelType, own);
  if (model === null && Object.keys(config).length === 0) return checkpoint;
  const target = join(folder, "source");
  await mkdir(target);
  await cp(checkpoint, target, { recursive: true, filter: (path) => !isModelWeights(basename(path)) });
  const original = JSON.parse(await readFile(join(checkpoint, "config.json"), "utf8"));
  const changed = { ...original, ...config, ...(model !== null && { architectures: [model] }) };
  await writeFile(join(target, "config.json"), JSON.stringify(changed));
  const added = Object.fromEntries(below(tensors, `${name}/weights/`));
  const weights = writeSafetensors({ ...(await readAsF32(checkpoint)), ...added });
  await writeFile(join(target, "model.safetensors"), weights);
  return target;
}

/** Runs a graph at every length of a case and holds its outputs, padding excepted, against the goldens. */
export async function compareOutputs(
  goldens: OutputGoldens,
  golden: OutputCase,
  graph: string,
): Promise<void> {
  const session = await openModel(graph);
  try {
    expect(session.outputNames.toSorted(), "outputs").toEqual(Object.keys(golden.strides).toSorted());
    for (const length of golden.lengths) await compareAt(goldens, golden, session, length);
  } finally {
    await session.release();
  }
}

async function compareAt(
  goldens: OutputGoldens,
  golden: OutputCase,
  session: ort.InferenceSession,
  length: number,
): Promise<void> {
  const inputs = goldenInputs(goldens, golden.inputs, length);
  for (const [output, found] of Object.entries(await runModel(session, inputs))) {
    const stride = golden.strides[output]?.[length] ?? 1;
    const expected = goldenValues(goldens.tensors, `${golden.name}/${length}/${output}`);
    const isHidden = hiddenNumbers(found, axesOf(session.outputMetadata, output), inputs.attention_mask);
    const actual = found.values.filter((_, i) => i % stride === 0);
    const visible = expected.map((value, i) => (isHidden(i * stride) ? Number.NaN : value));
    const difference = relativeDifference(actual, visible);
    expect(
      difference,
      `${goldens.modelType} ${golden.name}, ${length} tokens, ${output}: largest difference ${difference}, tolerance ${TOLERANCE}`,
    ).toBeLessThanOrEqual(TOLERANCE);
  }
}

/** Whether the number at an index of an output belongs to a padding token. */
function hiddenNumbers(
  { dims, values }: OutputTensor,
  axes: readonly (string | number)[],
  mask: InputTensor | undefined,
): (index: number) => boolean {
  if (axes[1] !== "sequence_length" || !mask) return () => false;
  const tokens = (dims[0] ?? 0) * (dims[1] ?? 0);
  return (index) => mask.values[Math.floor((index * tokens) / values.length)] === 0;
}

/** The numbers of one golden. */
export function goldenValues(tensors: OutputGoldens["tensors"], name: string): Float64Array {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`the goldens lack ${name}`);
  return Float64Array.from(decodeFloats(tensor.bytes, "F32"));
}

function below<T>(tensors: ReadonlyMap<string, T>, prefix: string): [string, T][] {
  return [...tensors].flatMap(([name, tensor]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
  );
}

/** A checkpoint's float tensors, whatever file they lie in. */
export async function readAsF32(folder: string): Promise<Record<string, ReadTensor>> {
  const checkpoint = await readCheckpoint(await openFolder(folder));
  const reader = await openWeights(checkpoint, () => ({}));
  const read: Record<string, ReadTensor> = {};
  for (const [name, { dtype, shape }] of checkpoint.tensors) {
    if (!isFloatDtype(dtype)) continue;
    const rows = { tensor: name, start: 0, count: shape[0] ?? 1, step: 1 };
    read[name] = { dtype: "F32", shape, bytes: encodeFloats(await reader.values(rows), "F32") };
  }
  await reader.close();
  return read;
}
