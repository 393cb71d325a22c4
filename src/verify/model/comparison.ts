import { seededUniform } from "../../random.js";
import type { FloatTensor } from "../session.js";
import { type Batch, makeBatch, type Row } from "./batch.js";
import {
  type Difference,
  difference,
  larger,
  NO_DIFFERENCE,
  tokensOf,
  visibleDifference,
} from "./difference.js";
import type { InputSource } from "./input-source.js";
import type { Runnable } from "./runnable.js";

/** Tokens of a row that a head is shown: a vocabulary of 250,000 words has a megabyte of scores for each. */
export const HEAD_TOKENS = 8;

/** What original and converted model made of the same batch. */
export interface Comparison {
  readonly batch: Batch;
  readonly expected: FloatTensor;
  readonly actual: FloatTensor;
}

/** Runs both models. */
export async function compare(original: Runnable, converted: Runnable, batch: Batch): Promise<Comparison> {
  return { batch, expected: await original.hidden(batch), actual: await converted.hidden(batch) };
}

/**
 * Three rows for one length: a text that fills it, random tokens padded on the right, and a text padded on the
 * left.
 */
export function raggedBatch(inputs: InputSource, length: number, seed: number): Batch {
  const uniform = seededUniform(seed);
  const shorter = () => 1 + Math.floor(uniform() * length);
  const rows: Row[] = [
    inputs.text(length, seed),
    inputs.random(shorter(), seed + 1),
    inputs.text(shorter(), seed + 2, "left"),
  ];
  return makeBatch(rows, inputs.padId, length);
}

/** How far hidden states lie apart where there is no padding. */
export function hiddenDifference({ batch, expected, actual }: Comparison): Difference {
  return visibleDifference(expected, actual, batch);
}

/** What both heads make of some tokens of each row that is not padded on the left, the first among them. */
export async function headOutputs(
  original: Runnable,
  converted: Runnable,
  { batch, expected, actual }: Comparison,
  seed: number,
): Promise<[expected: Record<string, FloatTensor>, actual: Record<string, FloatTensor>]> {
  const picked = pickTokens(batch, seed);
  return [
    await original.outputs(gatherTokens(expected, picked)),
    await converted.outputs(gatherTokens(actual, picked)),
  ];
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

interface PickedTokens {
  readonly row: number;
  readonly tokens: readonly number[];
}

function pickTokens({ visible }: Batch, seed: number): PickedTokens[] {
  const uniform = seededUniform(seed);
  return visible.flatMap(({ start, end }, row) => {
    if (start > 0) return [];
    const others = Array.from({ length: HEAD_TOKENS - 1 }, () => Math.floor(uniform() * end));
    return [{ row, tokens: [0, ...others] }];
  });
}

function gatherTokens(hidden: FloatTensor, picked: readonly PickedTokens[]): FloatTensor {
  const [, , width = 0] = hidden.dims;
  const values = new Float32Array(picked.length * HEAD_TOKENS * width);
  picked.forEach(({ row, tokens }, i) => {
    tokens.forEach((token, j) => {
      values.set(tokensOf(hidden, row, token, token + 1), (i * HEAD_TOKENS + j) * width);
    });
  });
  return { dims: [picked.length, HEAD_TOKENS, width], values };
}
