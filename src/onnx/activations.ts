import { CheckpointError } from "../base/errors.js";
import { activationOf } from "../model/config.js";
import type { Model } from "../model/model.js";
import type { Op, Value } from "./body.js";

type Activation = (op: Op, x: Value) => Value;

/** x · ½ (1 + erf(x / √2)), in the order of operations that runtimes fuse. */
const gelu: Activation = (op, x) => {
  const c = (value: number) => op.scalarLike(value, x);
  return op.Mul(op.Mul(x, op.Add(op.Erf(op.Div(x, c(Math.SQRT2))), c(1))), c(0.5));
};

/** ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
const geluTanh: Activation = (op, x) => {
  const c = (value: number) => op.scalarLike(value, x);
  const cube = op.Mul(op.Mul(x, x), x);
  const inner = op.Mul(op.Add(x, op.Mul(cube, c(0.044715))), c(Math.sqrt(2 / Math.PI)));
  return op.Mul(op.Mul(x, op.Add(op.Tanh(inner), c(1))), c(0.5));
};

/** By transformers' names (`ACT2FN`). */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu,
  gelu_python: gelu,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  quick_gelu: (op, x) => op.Mul(x, op.Sigmoid(op.Mul(x, op.scalarLike(1.702, x)))),
  relu: (op, x) => op.Relu(x),
  silu: (op, x) => op.Mul(x, op.Sigmoid(x)),
  swish: (op, x) => op.Mul(x, op.Sigmoid(x)),
  sigmoid: (op, x) => op.Sigmoid(x),
  tanh: (op, x) => op.Tanh(x),
  linear: (_, x) => x,
};

/** An activation by its name in a config. @throws CheckpointError for one that graphs lack. */
export function activation(name: unknown): Activation {
  const found = typeof name === "string" && Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  if (found) return found;
  throw new CheckpointError(
    `config.json: the activation ${JSON.stringify(name)} is not known to the ONNX export`,
    `Known: ${Object.keys(ACTIVATIONS).join(", ")}.`,
  );
}

/** The activation that a model's config names. @throws CheckpointError for one that graphs lack */
export function configActivation({ architecture, config }: Model): Activation {
  return activation(activationOf(architecture, config));
}
