import type { Model } from "../../model/model.js";
import type { Value } from "../body.js";
import type { OnnxModel } from "../builder.js";
import { type EncoderAttention, encode, encoderHeads, relativeBias } from "../encoder.js";
import { floatInput, floatOutput } from "../float-io.js";
import { fullEncoder } from "../full.js";
import { inHeads, sizeOf, vector } from "../functions/attend.js";
import { fullAttentionBody } from "../functions/full-attention.js";
import { buildModel, type ModelBuilder } from "../model-builder.js";
import { headForTask } from "../tasks.js";
import type { WeightSource } from "../weights.js";

/**
 * The graph of the reader of one row, to compare others with: windows and all that tells them apart are inputs. Inputs
 * int64 (windows, places): `input_ids`, `attention_mask`, and `token_type_ids` where the model has types; float32:
 * `place_bias` (windows · places), what is added to the reader's scores, and `reader_scale` (1), what their products are
 * multiplied by. Output `reader` (1, hidden).
 */
export function readerGraph(model: Model, source: WeightSource): OnnxModel {
  const { architecture, sizes } = model;
  const base = headForTask(architecture, undefined, undefined);
  const builder = buildModel(`${architecture.modelType}-reader`, model, base, source);
  const { graph, op } = builder;
  const input = (name: string) => graph.input(name, "I64", ["windows", "places"]);
  const inputs = {
    inputIds: input("input_ids"),
    attentionMask: input("attention_mask"),
    tokenTypeIds: model.readsTokenTypes ? input("token_type_ids") : undefined,
  };
  const placeBias = floatInput(builder, "place_bias", ["tokens"]);
  const scale = floatInput(builder, "reader_scale", [1]);
  const hidden = encode(builder, inputs, besideReader(inputs.inputIds, placeBias, scale), 0);
  floatOutput(builder, "reader", op.Gather(hidden, 0, { axis: 1 }), [1, sizes.hidden]);
  return graph.model();
}

/** Full attention in windows; before all of them, in one row, the reader, which begins as the first token does. */
function besideReader(ids: Value, placeBias: Value, scale: Value): EncoderAttention {
  const full = fullEncoder({});
  return {
    ...full,
    prepend: ({ op, model }, tokens) => {
      const inOne = op.Reshape(tokens, [1, -1, model.sizes.embedding]);
      return op.Concat(op.Slice(inOne, [0], [1], [1]), inOne, { axis: 1 });
    },
    layers: (builder, { bias }) => {
      const { op, model } = builder;
      const heads = encoderHeads(model);
      const width = heads.numHeads * heads.headDim;
      const attention = full.op(model, 0);
      const relative = relativeBias(builder, full, bias);
      const ofPlaces = op.Unsqueeze(op.Pad(placeBias, [1, 0]), [0]);
      const distances = relative[0] && distancesOfReader(builder, relative[0], ids);
      const [first, rest] = [[0], [1]];
      return (_, { query, key, value }) => {
        const inWindows = [query, key, value].map((x) =>
          op.Reshape(op.Slice(x, rest, [2 ** 31 - 1], [1]), vector(op, sizeOf(op, ids, 0), -1, width)),
        ) as [Value, Value, Value];
        const windows = op.Reshape(op.call(attention, ...inWindows, bias, ...relative), [1, -1, width]);
        const scaled = op.Mul(op.Slice(query, first, [1], [1]), op.CastLike(scale, query));
        const reader = inHeads(
          op,
          { query: scaled, key, value, key_bias: ofPlaces, ...(distances && { relative_bias: distances }) },
          heads,
          (inputs) => fullAttentionBody(op, inputs, { ...heads, causal: false }),
        );
        return op.Concat(reader, windows, { axis: 1 });
      };
    },
  };
}

/** (heads, 1, 1 + windows · places): of place 0 to itself and to the places of each window. */
function distancesOfReader({ op }: ModelBuilder, relative: Value, ids: Value): Value {
  const ofFirst = op.Slice(relative, [0], [1], [1]);
  const places = sizeOf(op, ids, 1);
  const inEach = op.Mod(op.Range(0, op.Mul(sizeOf(op, ids, 0), places), 1), places);
  return op.Concat(op.Slice(ofFirst, [0], [1], [2]), op.Gather(ofFirst, inEach, { axis: 2 }), { axis: 2 });
}
