import type { Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import type { LayerContext } from "./layers.js";
import type { Dimension } from "./tensor.js";

/** An input of float32, which clients feed whatever a graph computes in. */
export function floatInput(
  graph: GraphBuilder,
  { weights: { dtype } }: LayerContext,
  name: string,
  dims: readonly Dimension[],
): Value {
  const input = graph.input(name, "F32", dims);
  return dtype === "F32" ? input : graph.op.Cast(input, { to: dtype });
}

/** An output of float32, which clients expect likewise. */
export function floatOutput(
  graph: GraphBuilder,
  { weights: { dtype } }: LayerContext,
  name: string,
  value: Value,
  dims: readonly Dimension[],
): void {
  graph.output(name, dtype === "F32" ? value : graph.op.Cast(value, { to: "F32" }), "F32", dims);
}
