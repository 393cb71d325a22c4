import type { Decoder, Head } from "../architectures/architecture.js";
import { GENERATION_FILES } from "../checkpoint/graph-files.js";
import type { Model } from "../model/model.js";
import type { Op, Value } from "./body.js";
import type { OnnxModel } from "./builder.js";
import { type DecoderInputs, decode, decoderHeads, type LayerCache } from "./decoder.js";
import { inOnePiece } from "./encoder.js";
import { floatInput, floatOutput } from "./float-io.js";
import type { KeyMask } from "./functions/masks.js";
import { encoderGraph, type GraphOptions } from "./graph.js";
import { headOutputs } from "./heads.js";
import { buildModel, type ModelBuilder } from "./model-builder.js";
import { crossKeyBias, encoderAxis } from "./pair.js";
import type { Dimension } from "./tensor.js";
import { encoderAttention } from "./variants.js";
import type { WeightSource } from "./weights.js";

const ENCODER_AXIS = "encoder_sequence_length";
const DECODER_AXIS = "decoder_sequence_length";
const PAST_AXIS = "past_decoder_sequence_length";

/** What a graph of the decoder does: the first pass, the passes after it, or either, as an input says. */
type Passes = "first" | "later" | "merged";

/**
 * The graphs with which an encoder-decoder generates, by file name: the encoder, and the decoder for the first
 * pass, for the passes after it, and for both in one. The names, order and axes of inputs and outputs are
 * optimum's.
 * @throws OptionError or CheckpointError for what cannot be exported
 */
export function generationGraphs(given: GenerationModel): ReadonlyMap<string, OnnxModel> {
  const decoderOf = (passes: Passes) => decoderGraph(given, passes);
  return new Map([
    [GENERATION_FILES.encoder, encoderGraph(given.model, given.source, given.options)],
    [GENERATION_FILES.decoder, decoderOf("first")],
    [GENERATION_FILES.decoderWithPast, decoderOf("later")],
    [GENERATION_FILES.merged, decoderOf("merged")],
  ]);
}

export interface GenerationModel {
  readonly model: Model;
  readonly decoder: Decoder;
  readonly head: Head;
  readonly source: WeightSource;
  readonly options: GraphOptions;
}

interface Pass {
  readonly logits: Value;
  readonly present: readonly LayerCache[];
}

/** What a layer keeps, in the order of inputs and outputs. */
const CACHED = [
  ["decoder", "key"],
  ["decoder", "value"],
  ["encoder", "key"],
  ["encoder", "value"],
] as const;

/**
 * Inputs `encoder_attention_mask`, `input_ids`, then `encoder_hidden_states` for the first pass and
 * `past_key_values.…` for later ones, and `use_cache_branch` (bool, [1]) where it decides between them. Outputs
 * `logits` and `present.…`, (batch_size, heads, length, head_dim).
 */
function decoderGraph(given: GenerationModel, passes: Passes): OnnxModel {
  const { model, decoder, head, source, options } = given;
  const builder = buildModel(`${model.architecture.modelType}-decoder`, model, head, source);
  const { graph, op } = builder;
  const { outputKeys } = encoderAttention(options.attention);
  const mask = graph.input("encoder_attention_mask", "I64", ["batch_size", ENCODER_AXIS]);
  const inputIds = graph.input("input_ids", "I64", ["batch_size", DECODER_AXIS]);
  const encoderBias = graph.scope("key_bias", () => crossKeyBias(builder, mask, outputKeys));
  const run = (state: DecoderInputs["state"]): Pass => {
    const { hidden, present } = decode(builder, decoder, { inputIds, encoderBias, state });
    const [output] = graph.scope("head", () =>
      headOutputs(builder, head, { hidden, joining: inOnePiece(op), axis: DECODER_AXIS }),
    );
    return { logits: output?.value ?? hidden, present };
  };
  const build: Readonly<Record<Passes, () => Pass>> = {
    first: () => run(encoderInput(builder, outputKeys)),
    later: () => run(pastInputs(builder, outputKeys)),
    merged: () => {
      const [encoder, past] = [encoderInput(builder, outputKeys), pastInputs(builder, outputKeys)];
      const useCache = graph.input("use_cache_branch", "BOOL", [1]);
      const [logits, ...kept] = op.If(
        useCache,
        () => flatten(withoutEncoder(op, run(past))),
        () => flatten(run(encoder)),
      );
      return { logits: logits as Value, present: layersOf(kept) };
    },
  };
  const { logits, present } = build[passes]();

  floatOutput(builder, "logits", logits, ["batch_size", DECODER_AXIS, model.sizes.vocab]);
  const length = passes === "first" ? DECODER_AXIS : `${PAST_AXIS} + ${DECODER_AXIS}`;
  const written = passes === "later" ? CACHED.filter(([part]) => part === "decoder") : CACHED;
  for (const [i, layer] of present.entries()) {
    for (const [part, name] of written) {
      const dims = cacheDims(model, part === "decoder" ? length : encoderAxis(outputKeys, ENCODER_AXIS));
      floatOutput(builder, `present.${i}.${part}.${name}`, layer[part][name], dims);
    }
  }
  return graph.model();
}

function encoderInput(builder: ModelBuilder, outputKeys: KeyMask) {
  const dims = ["batch_size", encoderAxis(outputKeys, ENCODER_AXIS), builder.model.sizes.hidden];
  return { encoderHidden: floatInput(builder, "encoder_hidden_states", dims) };
}

function pastInputs(builder: ModelBuilder, outputKeys: KeyMask) {
  const { model } = builder;
  const inputs = Array.from({ length: model.sizes.decoder?.layers ?? 0 }, (_, i) =>
    CACHED.map(([part, name]) => {
      const axis = part === "decoder" ? PAST_AXIS : encoderAxis(outputKeys, ENCODER_AXIS);
      return floatInput(builder, `past_key_values.${i}.${part}.${name}`, cacheDims(model, axis));
    }),
  );
  return { past: layersOf(inputs.flat()) };
}

/**
 * Heads and their width are numbers, from which clients make an empty cache. Some take the encoder's heads for
 * the decoder's: where they differ the axis is left open, or they could not begin.
 */
function cacheDims(model: Model, axis: string): Dimension[] {
  const { numHeads, headDim } = decoderHeads(model);
  const isSame = numHeads === model.sizes.heads;
  return ["batch_size", isSame ? numHeads : "num_heads", axis, isSame ? headDim : "head_dim"];
}

/** Clients keep the first pass's keys and values of the encoder: later ones give none, which costs nothing. */
function withoutEncoder(op: Op, { logits, present }: Pass): Pass {
  const none = (x: Value) => op.Slice(x, [0], [0], [2]);
  return {
    logits,
    present: present.map(({ decoder, encoder }) => ({
      decoder,
      encoder: { key: none(encoder.key), value: none(encoder.value) },
    })),
  };
}

function flatten({ logits, present }: Pass): readonly Value[] {
  return [logits, ...present.flatMap((layer) => CACHED.map(([part, name]) => layer[part][name]))];
}

/** The inverse of `flatten`, without the logits. */
function layersOf(values: readonly Value[]): LayerCache[] {
  return Array.from({ length: values.length / CACHED.length }, (_, i) => {
    const [key, value, encoderKey, encoderValue] = values.slice(i * CACHED.length) as [
      Value,
      Value,
      Value,
      Value,
    ];
    return { decoder: { key, value }, encoder: { key: encoderKey, value: encoderValue } };
  });
}
