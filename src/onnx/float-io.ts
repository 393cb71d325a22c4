import type { Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import type { LayerContext } from "./layers.js";
import type { Dimension } from "./tensor.js";

/** Of the dtype that a graph computes in, as float32. */
export function widened({ op, weights: { dtype } }: LayerContext, x: Value): Value {
  return dtype === "F32" ? x : op.Cast(x, { to: "F32" });
}

/** Of float32, as the dtype that a graph computes in. */
export function narrowed({ op, weights: { dtype } }: LayerContext, x: Value): Value {
  return dtype === "F32" ? x : op.Cast(x, { to: dtype });
}

/** An input of float32, which clients feed whatever a graph computes in. */
export function floatInput(
  graph: GraphBuilder,
  context: LayerContext,
  name: string,
  dims: readonly Dimension[],
): Value {
  return narrowed(context, graph.input(name, "F32", dims));
}

/** An output of float32, which clients expect likewise. */
export function floatOutput(
  graph: GraphBuilder,
  context: LayerContext,
  name: string,
  value: Value,
  dims: readonly Dimension[],
): void {
  graph.output(name, widened(context, value), "F32", dims);
}
