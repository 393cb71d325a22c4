import { type Modules, moduleTensor } from "../model/modules.js";
import {
  type DenseStep,
  LAYER_NORM_EPSILON,
  NORMALIZE_EPSILON,
  type PoolingMode,
  type Step,
} from "../model/steps.js";
import { activation } from "./activations.js";
import type { Op, Value } from "./body.js";
import { narrowed, widened } from "./float-io.js";
import { sizeOf } from "./functions/attend.js";
import { rowAt } from "./heads.js";
import { layerNorm } from "./layers.js";
import type { ModelBuilder } from "./model-builder.js";
import type { TaskOutput } from "./tasks.js";

interface Tokens {
  /** (batch, length, hidden). */
  readonly hidden: Value;
  /** (batch, length), int64. */
  readonly attentionMask: Value;
}

/** What sentence-transformers' modules make of a transformer's tokens. */
export function modulesOutput(builder: ModelBuilder, { steps, output }: Modules, tokens: Tokens): TaskOutput {
  // In float32: sums over long texts overflow halves, which have no numbers for positions beyond 2048 either.
  const hidden = widened(builder, tokens.hidden);
  const value = steps.reduce((x, step) => applyStep(builder, step, x, tokens), hidden);
  const axes = output.perToken ? ["batch_size", "sequence_length"] : ["batch_size"];
  return { name: output.name, value: narrowed(builder, value), dims: [...axes, output.width] };
}

function applyStep(builder: ModelBuilder, step: Step, x: Value, { attentionMask }: Tokens): Value {
  switch (step.kind) {
    case "pooling":
      return pool(builder.op, step.modes, x, attentionMask);
    case "dense":
      return dense(builder, step, x);
    case "layer norm":
      return widened(
        builder,
        layerNorm(builder, moduleTensor(step.folder, "norm"), narrowed(builder, x), LAYER_NORM_EPSILON),
      );
    case "normalize":
      return normalize(builder.op, x);
  }
}

function dense(builder: ModelBuilder, step: DenseStep, wide: Value): Value {
  const { op, weights } = builder;
  const x = narrowed(builder, wide);
  const at = (name: string) => moduleTensor(step.folder, name);
  const product = weights.linear(at("linear.weight"), x);
  const sum = step.bias ? op.Add(product, weights.tensor(at("linear.bias"))) : product;
  const active = activation(step.activation)(op, sum);
  if (step.residual === "none") return widened(builder, active);
  const residual = step.residual === "itself" ? x : weights.linear(at("residual.weight"), x);
  return widened(builder, op.Add(active, residual));
}

/** To length 1 along the last axis. */
function normalize(op: Op, x: Value): Value {
  const norm = op.ReduceL2(x, { axes: [-1], keepdims: 1 });
  return op.Div(x, op.Max(norm, op.scalarLike(NORMALIZE_EPSILON, x)));
}

/**
 * sentence-transformers' `Pooling`, (batch, length, width) → (batch, modes · width). Padding may be on either side;
 * of a text without any token the mean is 0.
 */
function pool(op: Op, modes: readonly PoolingMode[], tokens: Value, attentionMask: Value): Value {
  // Float, as ArgMax and ReduceMax of integers are not on every provider; exact for any length.
  const mask = op.CastLike(attentionMask, tokens);
  const positions = op.CastLike(op.Range(0, sizeOf(op, attentionMask, 1), 1), tokens);
  const shown = op.Unsqueeze(mask, [2]);
  const visible = () => op.Mul(tokens, shown);
  const sum = (x: Value) => op.ReduceSum(x, [1], { keepdims: 0 });
  const atLeast = (x: Value) => op.Max(x, op.scalarLike(LEAST_COUNT, tokens));
  const lastShown = () => op.ReduceMax(op.Mul(mask, positions), { axes: [1], keepdims: 0 });
  const pools: Record<PoolingMode, () => Value> = {
    cls: () => rowAt(op, tokens, op.ArgMax(mask, { axis: 1, keepdims: 0 })),
    max: () => {
      const hidden = op.Greater(op.scalarLike(0.5, tokens), shown);
      const least = op.scalarLike(Number.NEGATIVE_INFINITY, tokens);
      return op.ReduceMax(op.Where(hidden, least, tokens), { axes: [1], keepdims: 0 });
    },
    mean: () => op.Div(sum(visible()), atLeast(sum(shown))),
    mean_sqrt_len_tokens: () => op.Div(sum(visible()), op.Sqrt(atLeast(sum(shown)))),
    weightedmean: () => {
      const weights = op.Mul(shown, op.Unsqueeze(op.Add(positions, op.scalarLike(1, tokens)), [1]));
      return op.Div(sum(op.Mul(tokens, weights)), atLeast(sum(weights)));
    },
    lasttoken: () => rowAt(op, visible(), op.Cast(lastShown(), { to: "I64" })),
  };
  const [first, ...others] = modes.map((mode) => pools[mode]());
  return others.length === 0 ? (first as Value) : op.Concat(first as Value, ...others, { axis: 1 });
}

/** Divisors are at least this (`torch.clamp` in `Pooling`). */
const LEAST_COUNT = 1e-9;
