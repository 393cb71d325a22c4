import type { Model } from "../model/model.js";
import { NORMALIZE_EPSILON, type PoolingMode } from "../model/steps.js";
import type { FloatTensor } from "../runtime/tensors.js";

/** Pooling of tokens that is done here: where no module pools, and over a document's chunks. */
type Pooled = Extract<PoolingMode, "mean" | "cls">;

/** How a model's tokens become one vector. */
export interface PoolingPlan {
  readonly modes: readonly Pooled[];
  readonly normalizes: boolean;
}

/**
 * How a model pools, where that can be done here; undefined where other modules stand behind the pooling.
 * @returns the mean of all tokens for a model that has no modules, as sentence-transformers takes it
 */
export function poolingOf({ modules }: Pick<Model, "modules">): PoolingPlan | undefined {
  if (!modules) return { modes: ["mean"], normalizes: false };
  const [first, ...others] = modules.steps;
  if (first?.kind !== "pooling" || others.some(({ kind }) => kind !== "normalize")) return undefined;
  const modes = first.modes.filter((mode): mode is Pooled => mode === "mean" || mode === "cls");
  return modes.length === first.modes.length ? { modes, normalizes: others.length > 0 } : undefined;
}

/** One vector of (tokens, hidden). @param isRead which tokens count */
export function pooled(
  { dims: [tokens = 0, width = 0], values }: FloatTensor,
  { modes, normalizes }: PoolingPlan,
  isRead: (token: number) => boolean,
): Float32Array {
  const mean = () => {
    const sums = new Float64Array(width);
    let count = 0;
    for (let token = 0; token < tokens; token++) {
      if (!isRead(token)) continue;
      count += 1;
      for (let i = 0; i < width; i++) sums[i] = (sums[i] ?? 0) + (values[token * width + i] ?? 0);
    }
    return Float32Array.from(sums, (sum) => sum / Math.max(1, count));
  };
  const parts = modes.map((mode) => (mode === "mean" ? mean() : values.slice(0, width)));
  const vector = Float32Array.from(parts.flatMap((part) => [...part]));
  return normalizes ? normalised(vector) : vector;
}

/** A vector of length 1, as sentence-transformers' `Normalize` makes it. */
export function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / Math.max(length, NORMALIZE_EPSILON));
}
