import type { WeightReader } from "../checkpoint/weight-reader.js";
import type { SourceTensor } from "../model/names.js";
import type { Floats } from "../safetensors/floats.js";
import type { Op, Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import { copiedWeights } from "./copied-weights.js";
import { requireFinite, rowCodes, rowScales } from "./quantise.js";
import { columnBlocks, isWide, madeOfRows, streamed } from "./weight-streams.js";
import type { Table, WeightSource } from "./weights.js";

/** Numbers of 8 bits, and what each row of them is multiplied by. */
interface QuantisedRows {
  readonly codes: Value;
  readonly scales: Value;
}

/**
 * Weights of 8 bits with a scale for each output, and tables with a scale for each row. What they are multiplied with is
 * quantised when the graph runs (dynamic int8), in operators of ONNX itself, which ONNX Runtime fuses.
 */
export function int8Weights(reader: WeightReader): WeightSource {
  const floats = copiedWeights(reader);
  const scalesOf = (graph: GraphBuilder, tensor: SourceTensor): Value => {
    const [rows = 1, width = 1] = tensor.stored.shape;
    return streamed(graph, { name: `${tensor.name}_scale`, dtype: "F32", dims: [rows] }, () =>
      madeOfRows(tensor, reader, (values) => rowScales(requireFinite(values, tensor), width)),
    );
  };
  const codesOf = (tensor: SourceTensor) => (values: Floats) => {
    const width = tensor.stored.shape[1] ?? 1;
    return rowCodes(values, width, rowScales(values, width));
  };
  const rowsOf = (graph: GraphBuilder, tensor: SourceTensor): QuantisedRows => ({
    codes: streamed(graph, codesInfo(tensor, tensor.stored.shape), () =>
      madeOfRows(tensor, reader, codesOf(tensor)),
    ),
    scales: scalesOf(graph, tensor),
  });
  const columnsOf = (graph: GraphBuilder, tensor: SourceTensor): QuantisedRows => ({
    codes: streamed(graph, codesInfo(tensor, [...tensor.stored.shape].reverse()), () =>
      columnBlocks(tensor, reader, (length) => new Int8Array(length), codesOf(tensor)),
    ),
    scales: scalesOf(graph, tensor),
  });
  return {
    dtype: "F32",
    tensor: floats.tensor,
    linear(graph, weight, x) {
      if (!isWide(weight)) return floats.linear(graph, weight, x);
      const [out = 1, width = 1] = weight.stored.shape;
      const multiply = width > out ? productByToken : product;
      return multiply(graph, x, columnsOf(graph, weight));
    },
    scores(graph, table, x, bias) {
      const { codes, scales } = rowsOf(graph, table);
      const scores = product(graph, x, { codes: graph.op.Transpose(codes, { perm: [1, 0] }), scales });
      return bias ? graph.op.Add(scores, bias) : scores;
    },
    table: (graph, table) => rowTable(graph.op, rowsOf(graph, table)),
  };
}

function codesInfo({ name }: SourceTensor, dims: readonly number[]) {
  return { name: `${name}_quantized`, dtype: "I8", dims } as const;
}

/** Rows that become floats when they are looked up. */
function rowTable(op: Op, { codes, scales }: QuantisedRows): Table {
  const floats = (rows: Value, factors: Value) =>
    op.Mul(op.Cast(rows, { to: "F32" }), op.Unsqueeze(factors, [-1]));
  return {
    at: (ids) => floats(op.Gather(codes, ids), op.Gather(scales, ids)),
    rows: (start, end) => floats(op.Slice(codes, start, end, [0]), op.Slice(scales, start, end, [0])),
  };
}

/**
 * x · codes · scales, in whole numbers: x takes the 256 values between its least and its largest element. What several
 * weights are multiplied with is quantised once.
 * @param codes [in, out]
 */
function product(graph: GraphBuilder, x: Value, { codes, scales }: QuantisedRows): Value {
  const { op } = graph;
  const [quantised, scale, zeroPoint] = graph.once(`quantised ${x.name}`, () => op.DynamicQuantizeLinear(x));
  const sums = op.MatMulInteger(quantised, codes, zeroPoint);
  return op.Mul(op.Cast(sums, { to: "F32" }), op.Mul(scale, scales));
}

/** Stands in for the largest element of a token of zeros, by which nothing can be divided. */
const TINY = 1e-30;

/**
 * The same with a range for each token. Behind an activation some tokens are many times as large as others; on
 * all-MiniLM-L6-v2 this halves what is lost. It takes a pass over x and one over the product, a twentieth of the time where
 * layers narrow, too much where they widen.
 */
function productByToken(graph: GraphBuilder, x: Value, weight: QuantisedRows): Value {
  const { op } = graph;
  const largest = op.ReduceMax(op.Abs(x), { axes: [-1], keepdims: 1 });
  const factor = op.Max(largest, op.constant("F32", [TINY], []));
  return op.Mul(product(graph, op.Div(x, factor), weight), factor);
}
