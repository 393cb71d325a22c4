import type { WeightReader } from "../checkpoint/weight-reader.js";
import type { SourceTensor } from "../model/names.js";
import type { Floats } from "../safetensors/floats.js";
import type { Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import { copiedWeights } from "./copied-weights.js";
import { int8Weights } from "./int8-weights.js";
import { BLOCK_SIZE, blockCodes, blockScales, blocksIn, packNibbles, requireFinite } from "./quantise.js";
import { isWide, madeOfRows, type Numbers, streamed } from "./weight-streams.js";
import type { WeightSource } from "./weights.js";

/**
 * Weights of 4 bits in blocks, which ONNX Runtime's own operator multiplies with; tables of 8 bits, since of them a row
 * is all that a token has.
 */
export function int4Weights(reader: WeightReader): WeightSource {
  const floats = copiedWeights(reader);
  const product = (graph: GraphBuilder, weight: SourceTensor, x: Value): Value => {
    const [out = 1, width = 1] = weight.stored.shape;
    const blocks = blocksIn(width);
    const part = <T extends Numbers>(
      ending: string,
      info: { readonly dtype: "U8" | "F32"; readonly dims: readonly number[] },
      make: (values: Floats) => T,
    ) =>
      streamed(graph, { name: `${weight.name}_Q4${ending}`, ...info }, () =>
        madeOfRows(weight, reader, make),
      );
    const codes = part("", { dtype: "U8", dims: [out, blocks, BLOCK_SIZE / 2] }, (values) =>
      blockCodes(values, width, blockScales(values, width)),
    );
    const scales = part(
      "_scales",
      { dtype: "F32", dims: [out * blocks] },
      (values) => blockScales(requireFinite(values, weight), width).scales,
    );
    const zeroPoints = part("_zero_points", { dtype: "U8", dims: [out * Math.ceil(blocks / 2)] }, (values) =>
      packNibbles(blockScales(values, width).zeroPoints, blocks),
    );
    const attributes = { K: width, N: out, bits: 4, block_size: BLOCK_SIZE };
    return graph.op.MatMulNBits(x, codes, scales, zeroPoints, attributes);
  };
  return {
    dtype: "F32",
    tensor: floats.tensor,
    linear: (graph, weight, x) =>
      isWide(weight) ? product(graph, weight, x) : floats.linear(graph, weight, x),
    scores(graph, table, x, bias) {
      const scores = product(graph, table, x);
      return bias ? graph.op.Add(scores, bias) : scores;
    },
    table: int8Weights(reader).table,
  };
}
