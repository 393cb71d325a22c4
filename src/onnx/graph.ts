import type { Architecture, Head } from "../architectures/architecture.js";
import { taskOf } from "../architectures/tasks.js";
import { isLongformer, readLongformer } from "../attention/longformer.js";
import type { LsgConfig } from "../attention/lsg-config.js";
import type { Model } from "../model/model.js";
import { positionOffset } from "../model/positions.js";
import type { Value } from "./body.js";
import { createGraph, type GraphBuilder, type OnnxModel } from "./builder.js";
import { candidateGlobals } from "./candidates.js";
import { attentionFunction, type GraphOptions, layerContext } from "./context.js";
import { type EncoderInputs, encode } from "./encoder.js";
import { floatInput, floatOutput } from "./float-io.js";
import { headOutputs } from "./heads.js";
import type { LayerContext } from "./layers.js";
import { headGlobals } from "./longformer.js";
import { modulesOutput } from "./modules.js";
import { decodePair, encoderAxis } from "./pair.js";
import { exported, headForTask } from "./tasks.js";
import type { Dimension } from "./tensor.js";
import type { WeightSource } from "./weights.js";

/**
 * The graph of a whole model. Batch and length are free; masks, positions, global tokens, padding to blocks and
 * cutting it back are inside.
 * Inputs int64 (batch_size, sequence_length): `input_ids`, `attention_mask`, and `token_type_ids` where the
 * model has types; with choices (batch_size, num_choices, sequence_length). An encoder-decoder that generates
 * also has `decoder_input_ids` (batch_size, decoder_sequence_length). Outputs by task, float32. Where candidates are
 * scored, the rows of a batch are the windows of one document.
 * @throws OptionError or CheckpointError for what cannot be exported.
 */
export function modelGraph(model: Model, source: WeightSource, options: GraphOptions): OnnxModel {
  const { architecture } = model;
  const { head, modules } = exported(model, options.task);
  if ((taskOf(head).candidates === "are scored") !== (options.candidates !== undefined)) {
    throw new Error("tokens of candidates go with the task that scores them");
  }
  const graph = createGraph(graphName(architecture, options));
  const context = layerContext(graph, model, head, source);
  const { flat, choices } = graphInputs(graph, model, head, options);
  const hidden = encodeModel(graph, context, model, flat, options);
  const pair = decodePair(graph, context, model, head, { ...flat, encoderHidden: hidden, lsg: options.lsg });
  const candidates = options.candidates && { ...flat, tokens: options.candidates };
  const states = pair ?? { hidden, axis: "sequence_length", choices, candidates };
  const outputs = modules
    ? graph.scope("modules", () => {
        const last = modulesOutput(context, modules, { ...flat, hidden: states.hidden });
        // Of a ColBERT nobody wants the tokens before its layer.
        return modules.output.perToken ? [last] : [...headOutputs(context, model, head, states), last];
      })
    : graph.scope("head", () => headOutputs(context, model, head, states));
  for (const { name, value, dims } of [...outputs, ...(pair?.outputs ?? [])]) {
    floatOutput(graph, context, name, value, dims);
  }
  return graph.model();
}

/**
 * The graph of a model's encoder: of an encoder-decoder half of it, else the base model. Inputs as those of
 * `modelGraph`. Output `last_hidden_state` (batch_size, sequence_length, hidden), longer by the global tokens where
 * these are passed to the decoder.
 * @throws OptionError or CheckpointError for what cannot be exported.
 */
export function encoderGraph(model: Model, source: WeightSource, options: GraphOptions): OnnxModel {
  const { architecture, sizes } = model;
  const base = headForTask(architecture, undefined, undefined);
  const graph = createGraph(`${architecture.modelType}-encoder`);
  const context = layerContext(graph, model, base, source);
  const hidden = encodeModel(graph, context, model, graphInputs(graph, model, base, options).flat, options);
  const dims = ["batch_size", encoderAxis(options.lsg, "sequence_length"), sizes.hidden];
  floatOutput(graph, context, "last_hidden_state", hidden, dims);
  return graph.model();
}

/** For viewers. A Longformer's name says what attention it has. */
function graphName(architecture: Architecture, { lsg }: GraphOptions): string {
  const { modelType } = architecture;
  return lsg || !isLongformer(architecture) ? `${modelType}-${lsg ? "lsg" : "full"}` : modelType;
}

/**
 * A model's encoder, as its config says: see `encode`.
 */
function encodeModel(
  graph: GraphBuilder,
  context: LayerContext,
  model: Model,
  inputs: EncoderInputs,
  options: GraphOptions,
): Value {
  const { architecture, config, sizes } = model;
  const longformer = isLongformer(architecture) && !options.full ? readLongformer(config, sizes) : undefined;
  return encode(graph, context, inputs, {
    architecture,
    sizes,
    lsg: options.lsg,
    attention: longformer ? undefined : attentionFunction(model, options),
    longformer,
    positionOffset: positionOffset(architecture, config),
    causal: config.is_decoder === true,
  });
}

/**
 * The graph of a head alone, and of the decoder where there is one. Input `hidden_states`, float32 (batch_size,
 * sequence_length, hidden): what `encoderGraph` gives, all of it for a decoder, else of any choice of tokens, the
 * first among them. A decoder's graph has the encoder's `input_ids` and `attention_mask` as well, and
 * `decoder_input_ids` where `modelGraph` has it. Outputs as those of `modelGraph`, but with choices as
 * (batch_size, 1), and without `encoder_last_hidden_state`.
 * @param lsg the encoder's attention, which decides what of its output a decoder sees
 * @throws CheckpointError for a head that cannot be exported
 */
export function headGraph(
  model: Model,
  head: Head,
  source: WeightSource,
  lsg: LsgConfig | undefined,
): OnnxModel {
  const { architecture, sizes } = model;
  const graph = createGraph(`${architecture.modelType}-head`);
  const context = layerContext(graph, model, head, source);
  const axis = "sequence_length";
  const dims = ["batch_size", encoderAxis(lsg, axis), sizes.hidden];
  const hidden = floatInput(graph, context, "hidden_states", dims);
  const states = architecture.decoder
    ? decodePair(graph, context, model, head, {
        inputIds: graph.input("input_ids", "I64", ["batch_size", axis]),
        attentionMask: graph.input("attention_mask", "I64", ["batch_size", axis]),
        encoderHidden: hidden,
        lsg,
      })
    : undefined;
  const outputs = graph.scope("head", () => headOutputs(context, model, head, states ?? { hidden, axis }));
  for (const { name, value, dims } of outputs) floatOutput(graph, context, name, value, dims);
  return graph.model();
}

/** The inputs as the graph has them, and as (batch · choices, length). */
function graphInputs(
  graph: GraphBuilder,
  { architecture, config, readsTokenTypes }: Model,
  head: Head,
  { globalAttention, candidates }: GraphOptions,
) {
  const { hasChoices: choices } = taskOf(head);
  const dims: Dimension[] = ["batch_size", ...(choices ? ["num_choices"] : []), "sequence_length"];
  const { op } = graph;
  const input = (name: string) => graph.input(name, "I64", dims);
  const flatten = (x: Value) =>
    choices ? op.Reshape(x, op.Concat([-1], op.Shape(x, { start: 2, end: 3 }), { axis: 0 })) : x;
  const ids = input("input_ids");
  const mask = input("attention_mask");
  const types = readsTokenTypes ? input("token_type_ids") : undefined;
  const asked = isLongformer(architecture) && globalAttention === "input";
  const globals = asked ? input("global_attention_mask") : undefined;
  const flat: EncoderInputs = {
    inputIds: flatten(ids),
    attentionMask: flatten(mask),
    tokenTypeIds: types && flatten(types),
    globalMask: globals
      ? flatten(globals)
      : isLongformer(architecture)
        ? graph.scope("global_mask", () => chosenGlobals(op, head, flatten(ids), config, candidates))
        : undefined,
  };
  return { flat, choices: choices ? op.Shape(ids, { start: 0, end: 2 }) : undefined };
}

/** The global tokens of a Longformer, as its task or its head has them; undefined for none. */
function chosenGlobals(
  op: GraphBuilder["op"],
  { globals }: Head,
  ids: Value,
  config: Model["config"],
  candidates: GraphOptions["candidates"],
): Value | undefined {
  if (candidates) return candidateGlobals(op, ids, candidates);
  return globals && headGlobals(op, globals, ids, config);
}
