import { largestIndex } from "../../base/extremes.js";
import type { GraphDtype, SmallDtype } from "../../base/graph-dtypes.js";
import { formatNumber } from "../../report/numbers.js";
import type { FloatTensor } from "../../runtime/tensors.js";
import { cosine, outputDifference } from "../model/comparison.js";
import { type Difference, difference, toleranceFor } from "../model/difference.js";

type Outputs = Readonly<Record<string, FloatTensor>>;

/** How a graph's outputs are compared with the weights' in float32, and how close they have to be. */
export interface Closeness {
  between(expected: Outputs, actual: Outputs): Difference;
  readonly tolerance: (found: Difference) => number;
  /** What is measured, where it is not the difference. */
  readonly measure?: string;
  /** What else was seen so far, to stand behind the figure. */
  readonly more: () => string;
}

/**
 * How far the direction of an output may turn, as 1 − cosine, mean of all tokens of an input. Measured on real models
 * and random tokens, which fare worse than texts: fp16 1e-6, q8 7e-5 to 0.02, q4 2e-3 to 0.08. Outputs of another
 * model are far beyond these.
 */
const LARGEST_TURNS: Readonly<Record<SmallDtype, number>> = { fp16: 1e-3, q8: 0.05, q4: 0.15 };

/** How near a graph of a dtype has to be. float32 is held to its own rounding. */
export function closenessOf(dtype: GraphDtype): Closeness {
  if (dtype === "fp32") return { between: outputDifference, tolerance: toleranceFor, more: () => "" };
  const likeliest = { same: 0, of: 0 };
  return {
    measure: "1 − cosine",
    tolerance: () => LARGEST_TURNS[dtype],
    between(expected, actual) {
      const turns = Object.entries(expected).map(([name, output]) => {
        const found = turn(output, actual[name]);
        if (name !== "logits") return found.turn;
        likeliest.same += found.same;
        likeliest.of += found.of;
        return found.turn;
      });
      return { largest: Math.max(0, ...turns), scale: 1 };
    },
    more: () =>
      likeliest.of === 0
        ? ""
        : `; the likeliest is the same in ${formatNumber((100 * likeliest.same) / likeliest.of)} % of ${likeliest.of}`,
  };
}

/** The least that the cosine between float32's outputs and those of a graph in a dtype may be. */
export function leastCosine(dtype: SmallDtype): number {
  return 1 - LARGEST_TURNS[dtype];
}

/** Closeness, and the cosine of all inputs together. */
export interface SummedCloseness extends Closeness {
  /** Of the output whose direction differs most. NaN where one is not finite. */
  readonly cosine: () => number;
}

/**
 * Each output's values for all inputs are joined to one vector: for a few labels a single text's scores say little, as
 * those next to zero turn easily.
 */
export function summedCloseness(dtype: SmallDtype): SummedCloseness {
  const closeness = closenessOf(dtype);
  const all = new Map<string, { product: number; expected: number; actual: number }>();
  return {
    ...closeness,
    between(expected, actual) {
      for (const [name, { values }] of Object.entries(expected)) {
        const sums = all.get(name) ?? { product: 0, expected: 0, actual: 0 };
        const others = actual[name]?.values ?? [];
        for (let i = 0; i < values.length; i++) {
          const [a, b] = [values[i] as number, others[i] ?? Number.NaN];
          sums.product += a * b;
          sums.expected += a * a;
          sums.actual += b * b;
        }
        all.set(name, sums);
      }
      return closeness.between(expected, actual);
    },
    cosine: () =>
      Math.min(
        ...[...all.values()].map(({ product, expected, actual }) => {
          // Zeros have no direction, and are right where zeros are expected.
          if (product === 0) return expected === actual ? 1 : 0;
          return product / Math.sqrt(expected * actual);
        }),
      ),
  };
}

interface Turn {
  /** 1 − cosine, mean of all vectors along the last axis. */
  readonly turn: number;
  /** Vectors whose largest element is the same one, and all. */
  readonly same: number;
  readonly of: number;
}

function turn({ dims, values }: FloatTensor, actual: FloatTensor | undefined): Turn {
  const other = actual?.values ?? new Float32Array(0);
  if (values.length !== other.length) return { turn: Number.POSITIVE_INFINITY, same: 0, of: 0 };
  const width = dims.at(-1) ?? 1;
  const of = values.length / width;
  let [sum, same] = [0, 0];
  for (let at = 0; at < values.length; at += width) {
    const [a, b] = [values.subarray(at, at + width), other.subarray(at, at + width)];
    sum += between(a, b);
    if (largestIndex(a) === largestIndex(b)) same++;
  }
  return { turn: of === 0 ? 0 : sum / of, same, of };
}

/** 1 − cosine. A single number has no direction: how far it is off, in its own size. */
function between(a: Float32Array, b: Float32Array): number {
  const { largest, scale } = difference(a, b);
  if (largest === 0) return 0;
  return a.length > 1 ? 1 - cosine(a, b) : largest / Math.max(1, scale);
}
