import type { Value } from "./body.js";
import type { ModelBuilder } from "./model-builder.js";
import type { Dimension } from "./tensor.js";

/** Of the dtype that a graph computes in, as float32. */
export function widened({ op, weights: { dtype } }: ModelBuilder, x: Value): Value {
  return dtype === "F32" ? x : op.Cast(x, { to: "F32" });
}

/** Of float32, as the dtype that a graph computes in. */
export function narrowed({ op, weights: { dtype } }: ModelBuilder, x: Value): Value {
  return dtype === "F32" ? x : op.Cast(x, { to: dtype });
}

/** An input of float32, which clients feed whatever a graph computes in. */
export function floatInput(builder: ModelBuilder, name: string, dims: readonly Dimension[]): Value {
  return narrowed(builder, builder.graph.input(name, "F32", dims));
}

/** An output of float32, which clients expect likewise. */
export function floatOutput(
  builder: ModelBuilder,
  name: string,
  value: Value,
  dims: readonly Dimension[],
): void {
  builder.graph.output(name, widened(builder, value), "F32", dims);
}
