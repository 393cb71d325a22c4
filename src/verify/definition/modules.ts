import { type Modules, moduleTensor } from "../../model/modules.js";
import {
  type DenseStep,
  LAYER_NORM_EPSILON,
  NORMALIZE_EPSILON,
  type PoolingMode,
  type Step,
} from "../../model/steps.js";

export interface ModulesProblem {
  /** For each text its tokens' vectors, padding among them. */
  readonly tokens: readonly (readonly Float64Array[])[];
  /** For each text 0 for its tokens that are padding. */
  readonly mask: readonly (readonly number[])[];
  /** A tensor of a module, row by row. */
  readonly tensor: (name: string) => ArrayLike<number>;
}

/**
 * What sentence-transformers' modules make of tokens, as they are defined, in float64.
 * @returns for each text its vector, or those of its tokens
 */
export function modulesByDefinition({ steps }: Modules, problem: ModulesProblem): Float64Array[][] {
  return problem.tokens.map((tokens, row) => {
    let vectors: readonly Float64Array[] = tokens;
    for (const step of steps) {
      vectors =
        step.kind === "pooling"
          ? [concat(step.modes.map((mode) => POOLS[mode](tokensOf(vectors, problem.mask[row] ?? []))))]
          : vectors.map((vector) => applyStep(step, vector, problem.tensor));
    }
    return [...vectors];
  });
}

/** A text's visible tokens with their places among all. */
type Visible = readonly { readonly vector: Float64Array; readonly place: number }[];

function tokensOf(vectors: readonly Float64Array[], mask: readonly number[]): Visible {
  return vectors.map((vector, place) => ({ vector, place })).filter(({ place }) => mask[place] !== 0);
}

const POOLS: Readonly<Record<PoolingMode, (tokens: Visible) => Float64Array>> = {
  cls: (tokens) => tokens[0]?.vector ?? new Float64Array(0),
  lasttoken: (tokens) => tokens.at(-1)?.vector ?? new Float64Array(0),
  max: (tokens) =>
    tokens.map(({ vector }) => vector).reduce((a, b) => a.map((x, i) => Math.max(x, b[i] ?? 0))),
  mean: (tokens) => weightedSum(tokens, () => 1, tokens.length),
  mean_sqrt_len_tokens: (tokens) => weightedSum(tokens, () => 1, Math.sqrt(tokens.length)),
  weightedmean: (tokens) => {
    const total = tokens.reduce((sum, { place }) => sum + place + 1, 0);
    return weightedSum(tokens, (place) => place + 1, total);
  },
};

function weightedSum(tokens: Visible, weightAt: (place: number) => number, divisor: number): Float64Array {
  const sum = new Float64Array(tokens[0]?.vector.length ?? 0);
  for (const { vector, place } of tokens) {
    for (const [i, x] of vector.entries()) sum[i] = (sum[i] ?? 0) + weightAt(place) * x;
  }
  return sum.map((x) => x / divisor);
}

function applyStep(
  step: Exclude<Step, { kind: "pooling" }>,
  x: Float64Array,
  tensor: ModulesProblem["tensor"],
): Float64Array {
  if (step.kind === "dense") return dense(step, x, tensor);
  if (step.kind === "normalize") {
    const norm = Math.max(Math.sqrt(x.reduce((sum, value) => sum + value * value, 0)), NORMALIZE_EPSILON);
    return x.map((value) => value / norm);
  }
  const [weight, bias] = ["norm.weight", "norm.bias"].map((name) => tensor(moduleTensor(step.folder, name)));
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  const scale = 1 / Math.sqrt(variance + LAYER_NORM_EPSILON);
  return x.map((value, i) => (value - mean) * scale * (weight?.[i] ?? 0) + (bias?.[i] ?? 0));
}

function dense(step: DenseStep, x: Float64Array, tensor: ModulesProblem["tensor"]): Float64Array {
  const at = (name: string) => tensor(moduleTensor(step.folder, name));
  const bias = step.bias ? at("linear.bias") : [];
  const act = ACTIVATIONS[step.activation] ?? ((value: number) => value);
  const result = times(at("linear.weight"), x, step.out).map((value, i) => act(value + (bias[i] ?? 0)));
  if (step.residual === "none") return result;
  const residual = step.residual === "itself" ? x : times(at("residual.weight"), x, step.out);
  return result.map((value, i) => value + (residual[i] ?? 0));
}

function times(matrix: ArrayLike<number>, x: Float64Array, rows: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * (matrix[row * x.length + i] ?? 0), 0),
  );
}

const ACTIVATIONS: Readonly<Record<string, (x: number) => number>> = {
  tanh: Math.tanh,
  relu: (x) => Math.max(0, x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
};

function concat(vectors: readonly Float64Array[]): Float64Array {
  return Float64Array.from(vectors.flatMap((vector) => [...vector]));
}

/** Terms of the series; at |x| = 6 the last of them is below 1e-20. */
const TERMS = 160;

/** Beyond it erf is 1 to float64's rounding. */
const LIMIT = 6;

/**
 * The error function, by its Maclaurin series in the form whose terms are all of one sign:
 * erf x = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!.
 */
export function erf(x: number): number {
  if (Math.abs(x) > LIMIT) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; n < TERMS; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
