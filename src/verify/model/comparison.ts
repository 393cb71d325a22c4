import { seededUniform } from "../../base/random.js";
import type { Model } from "../../model/model.js";
import { type Batch, makeBatch, type Row } from "../../runtime/batch.js";
import { seededQuestion } from "../../runtime/head-question.js";
import type { InputSource } from "../../runtime/input-source.js";
import type { Encoded, Runnable } from "../../runtime/runnable.js";
import type { FloatTensor } from "../../runtime/tensors.js";
import { type Difference, difference, larger, NO_DIFFERENCE, visibleDifference } from "./difference.js";

/** What original and converted model made of the same batch. */
export interface Comparison {
  readonly batch: Batch;
  readonly expected: Encoded;
  readonly actual: Encoded;
}

/** What a model's encoder gives: all of most base models, or half of an encoder-decoder. */
export function statesOf({ architecture }: Model): string {
  return architecture.decoder ? "encoder states" : "hidden states";
}

/** Runs both models, or the encoders of both. */
export async function compare(original: Runnable, converted: Runnable, batch: Batch): Promise<Comparison> {
  return { batch, expected: await original.encode(batch), actual: await converted.encode(batch) };
}

/**
 * Three rows for one length: a text that fills it, random tokens padded on the right, and a text padded on the
 * left.
 * @param side right for a pair of models that count padding on the left differently
 */
export function raggedBatch(
  inputs: InputSource,
  length: number,
  seed: number,
  side: Row["pad"] = "left",
): Batch {
  const uniform = seededUniform(seed);
  const shorter = () => 1 + Math.floor(uniform() * length);
  const rows: Row[] = [
    inputs.text(length, seed),
    inputs.random(shorter(), seed + 1),
    inputs.text(shorter(), seed + 2, side),
  ];
  return makeBatch(rows, inputs.padId, length);
}

/** How far hidden states lie apart where there is no padding. */
export function hiddenDifference({ batch, expected, actual }: Comparison): Difference {
  return visibleDifference(expected.hidden, actual.hidden, batch);
}

/** What both heads make of some tokens, and both decoders of some tokens of theirs. */
export async function headOutputs(
  original: Runnable,
  converted: Runnable,
  { batch, expected, actual }: Comparison,
  inputs: InputSource,
  seed: number,
): Promise<[expected: Record<string, FloatTensor>, actual: Record<string, FloatTensor>]> {
  const question = seededQuestion(batch, original.model, inputs, seed);
  const theirs = await original.outputs(expected, question);
  const ours = Object.entries(await converted.outputs(actual, question));
  const [old, all] = [original.model.sizes.vocab, converted.model.sizes.vocab];
  const compared = ours.map(([name, output]) => {
    const isGrown = all > old && output.dims.at(-1) === all && theirs[name]?.dims.at(-1) === old;
    return [name, isGrown ? firstColumns(output, old) : output] as const;
  });
  return [theirs, Object.fromEntries(compared)];
}

/** The first `count` of the last axis: scores of words without those of tokens that a conversion added. */
function firstColumns({ dims, values }: FloatTensor, count: number): FloatTensor {
  const all = dims.at(-1) ?? 0;
  const rows = values.length / all;
  const kept = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) kept.set(values.subarray(row * all, row * all + count), row * count);
  return { dims: dims.with(-1, count), values: kept };
}

/** The largest difference over all outputs of a head. */
export function outputDifference(
  expected: Readonly<Record<string, FloatTensor>>,
  actual: Readonly<Record<string, FloatTensor>>,
): Difference {
  return Object.entries(expected)
    .map(([name, { values }]) => difference(values, actual[name]?.values ?? new Float32Array(0)))
    .reduce(larger, NO_DIFFERENCE);
}

/** Cosine of the angle between two vectors; 1 for the same direction. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [product, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    product += x * y;
    aa += x * x;
    bb += y * y;
  }
  return product / Math.sqrt(aa * bb);
}
