import type { SourceTensor } from "../model/names.js";
import type { Op, Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import type { ComputeDtype, Table, WeightSource } from "./weights.js";

/** Weights as floats, and what it takes to get them into a graph. */
export interface FloatWeights {
  readonly dtype: ComputeDtype;
  /** As it is. */
  tensor(graph: GraphBuilder, tensor: SourceTensor): Value;
  /** A linear layer's weight [out, in] as [in, out]. */
  matrix(graph: GraphBuilder, tensor: SourceTensor): Value;
}

/** Weights that are multiplied with as they are. */
export function floatWeights({ dtype, tensor, matrix }: FloatWeights): WeightSource {
  return {
    dtype,
    tensor,
    linear: (graph, weight, x) => graph.op.MatMul(x, matrix(graph, weight)),
    scores: (graph, table, x, bias) => scores(graph.op, x, tensor(graph, table), bias),
    table: (graph, table) => floatTable(graph.op, tensor(graph, table)),
  };
}

/** A table of floats. @param table [rows, width] */
export function floatTable(op: Op, table: Value): Table {
  return {
    at: (ids) => op.Gather(table, ids),
    rows: (start, end) => op.Slice(table, start, end, [0]),
  };
}

/** The table is multiplied with in the form in which it is looked up: a Gemm over the tokens of all rows. */
function scores(op: Op, x: Value, table: Value, bias: Value | undefined): Value {
  const tokens = op.Reshape(x, op.Concat([-1], op.Shape(x, { start: 2, end: 3 }), { axis: 0 }));
  const attributes = { transB: 1 };
  const products = bias ? op.Gemm(tokens, table, bias, attributes) : op.Gemm(tokens, table, attributes);
  return op.Reshape(products, op.Concat(op.Shape(x, { start: 0, end: 2 }), [-1], { axis: 0 }));
}
