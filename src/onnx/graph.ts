import type { Head } from "../architectures/architecture.js";
import { isBase, taskOf } from "../architectures/tasks.js";
import type { Attention } from "../attention/variants.js";
import { type FirstTokenUse, firstTokenUse } from "../attention/windows.js";
import type { Model } from "../model/model.js";
import type { Modules } from "../model/modules.js";
import type { GlobalAttention } from "../options/schemas.js";
import type { CandidateTokens } from "../tokenizer/candidate-tokens.js";
import type { Value } from "./body.js";
import type { OnnxModel } from "./builder.js";
import { candidateGlobals } from "./candidates.js";
import { type EncoderAttention, type EncoderInputs, encode, inOnePiece, type Reading } from "./encoder.js";
import { floatInput, floatOutput } from "./float-io.js";
import { headOutputs } from "./heads.js";
import { headGlobals } from "./longformer.js";
import { buildModel, type ModelBuilder } from "./model-builder.js";
import { modulesOutput } from "./modules.js";
import { decodePair, encoderAxis } from "./pair.js";
import { exported, headForTask, type TaskOutput } from "./tasks.js";
import type { Dimension } from "./tensor.js";
import { encoderAttention } from "./variants.js";
import type { WeightSource } from "./weights.js";

export interface GraphOptions {
  readonly attention: Attention;
  /** A task of optimum's; by default what the checkpoint's head is for. */
  readonly task?: string | undefined;
  /** Whether a Longformer's global tokens are an input, `global_attention_mask`; by default its head gives them. */
  readonly globalAttention?: GlobalAttention | undefined;
  /** Ids of the tokens around a candidate, for the task candidate-scoring. */
  readonly candidates?: CandidateTokens | undefined;
  /** Seed of lsh's random projections. */
  readonly seed: number;
}

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
  const { head, modules } = exported(model, options.task);
  if ((taskOf(head).candidates === "are scored") !== (options.candidates !== undefined)) {
    throw new Error("tokens of candidates go with the task that scores them");
  }
  const attention = encoderAttention(options.attention);
  const builder = buildModel(`${model.architecture.modelType}${attention.suffix}`, model, head, source);
  const { graph, op } = builder;
  const { flat, choices } = graphInputs(builder, head, attention, options);
  const reading = readingOf(builder, flat, attention, firstTokenUse(model.architecture, head));
  const hidden = encode(builder, reading.inputs, reading.encoder, options.seed);
  const { outputKeys } = attention;
  // A decoder that is asked for its tokens reads the row; of scores of the row each part is read to its end.
  const isRow = isBase(head) || taskOf(head).generates === true;
  const decoded = isRow ? { inputs: flat, ...inOnePiece(op) } : reading;
  const pair = decodePair(builder, head, {
    ...decoded.inputs,
    encoderHidden: isRow && model.architecture.decoder ? reading.tokens(hidden) : hidden,
    outputKeys,
    isLonger: attention.read !== undefined,
  });
  const candidates = options.candidates && { ...flat, tokens: options.candidates };
  const states = pair
    ? { ...pair, joining: decoded }
    : { hidden, joining: reading, axis: "sequence_length", choices, candidates };
  const own = graph.scope("head", () => headOutputs(builder, head, states));
  const outputs = modules ? withModules(builder, modules, own, flat.attentionMask) : own;
  for (const { name, value, dims } of [...outputs, ...(pair?.outputs ?? [])]) {
    floatOutput(builder, name, value, dims);
  }
  return graph.model();
}

/**
 * The graph of a model's encoder: of an encoder-decoder half of it, else the base model. Inputs as those of
 * `modelGraph`. Output `last_hidden_state` (batch_size, sequence_length, hidden), longer by the global tokens where
 * these are passed to the decoder. Where a row is read in windows, its first token is as what is exported reads it.
 * @throws OptionError or CheckpointError for what cannot be exported.
 */
export function encoderGraph(model: Model, source: WeightSource, options: GraphOptions): OnnxModel {
  const { architecture, sizes } = model;
  const base = headForTask(architecture, undefined, undefined);
  const attention = encoderAttention(options.attention);
  const builder = buildModel(`${architecture.modelType}-encoder`, model, base, source);
  const { flat } = graphInputs(builder, base, attention, options);
  const { head } = exported(model, options.task);
  const reading = readingOf(builder, flat, attention, firstTokenUse(architecture, head));
  const hidden = reading.tokens(encode(builder, reading.inputs, reading.encoder, options.seed));
  const dims = ["batch_size", encoderAxis(attention.outputKeys, "sequence_length"), sizes.hidden];
  floatOutput(builder, "last_hidden_state", hidden, dims);
  return builder.graph.model();
}

/**
 * The graph of a head alone, and of the decoder where there is one. Input `hidden_states`, float32 (batch_size,
 * sequence_length, hidden): what `encoderGraph` gives, all of it for a decoder, else of any choice of tokens, the
 * first among them. A decoder's graph has the encoder's `input_ids` and `attention_mask` as well, and
 * `decoder_input_ids` where `modelGraph` has it. Outputs as those of `modelGraph`, but with choices as
 * (batch_size, 1), and without `encoder_last_hidden_state`.
 * @param attention the encoder's, which decides what of its output a decoder sees
 * @throws CheckpointError for a head that cannot be exported
 */
export function headGraph(model: Model, head: Head, source: WeightSource, attention: Attention): OnnxModel {
  const { architecture, sizes } = model;
  const builder = buildModel(`${architecture.modelType}-head`, model, head, source);
  const { graph, op } = builder;
  const { outputKeys, read } = encoderAttention(attention);
  const axis = "sequence_length";
  const dims = ["batch_size", encoderAxis(outputKeys, axis), sizes.hidden];
  const hidden = floatInput(builder, "hidden_states", dims);
  const states = architecture.decoder
    ? decodePair(builder, head, {
        inputIds: graph.input("input_ids", "I64", ["batch_size", axis]),
        attentionMask: graph.input("attention_mask", "I64", ["batch_size", axis]),
        encoderHidden: hidden,
        outputKeys,
        isLonger: read !== undefined,
      })
    : undefined;
  const outputs = graph.scope("head", () =>
    headOutputs(builder, head, { ...(states ?? { hidden, axis }), joining: inOnePiece(op) }),
  );
  for (const { name, value, dims } of outputs) floatOutput(builder, name, value, dims);
  return graph.model();
}

/** The base model's tokens, and what modules make of them. */
function withModules(
  builder: ModelBuilder,
  modules: Modules,
  tokens: readonly TaskOutput[],
  attentionMask: Value,
): readonly TaskOutput[] {
  const last = builder.graph.scope("modules", () =>
    tokens.slice(0, 1).map(({ value }) => modulesOutput(builder, modules, { hidden: value, attentionMask })),
  );
  // Of a ColBERT nobody wants the tokens before its layer.
  return modules.output.perToken ? last : [...tokens, ...last];
}

/** How the encoder reads its inputs. */
function readingOf(
  builder: ModelBuilder,
  inputs: EncoderInputs,
  encoder: EncoderAttention,
  use: FirstTokenUse,
): Reading {
  return encoder.read?.(builder, inputs, use) ?? { inputs, encoder, ...inOnePiece(builder.op) };
}

/** The inputs as the graph has them, and as (batch · choices, length). */
function graphInputs(
  builder: ModelBuilder,
  head: Head,
  { choosesGlobals }: EncoderAttention,
  { globalAttention, candidates }: GraphOptions,
) {
  const { graph, op, model } = builder;
  const { hasChoices: choices } = taskOf(head);
  const dims: Dimension[] = ["batch_size", ...(choices ? ["num_choices"] : []), "sequence_length"];
  const input = (name: string) => graph.input(name, "I64", dims);
  const flatten = (x: Value) =>
    choices ? op.Reshape(x, op.Concat([-1], op.Shape(x, { start: 2, end: 3 }), { axis: 0 })) : x;
  const ids = input("input_ids");
  const mask = input("attention_mask");
  const types = model.readsTokenTypes ? input("token_type_ids") : undefined;
  const asked = choosesGlobals && globalAttention === "input";
  const globals = asked ? input("global_attention_mask") : undefined;
  const flat: EncoderInputs = {
    inputIds: flatten(ids),
    attentionMask: flatten(mask),
    tokenTypeIds: types && flatten(types),
    globalMask: globals
      ? flatten(globals)
      : choosesGlobals
        ? graph.scope("global_mask", () => chosenGlobals(builder, head, flatten(ids), candidates))
        : undefined,
  };
  return { flat, choices: choices ? op.Shape(ids, { start: 0, end: 2 }) : undefined };
}

/** The tokens with global attention, as the task or the head has them; undefined for none. */
function chosenGlobals(
  { op, model }: ModelBuilder,
  { globals }: Head,
  ids: Value,
  candidates: CandidateTokens | undefined,
): Value | undefined {
  if (candidates) return candidateGlobals(op, ids, candidates);
  return globals && headGlobals(op, globals, ids, model.config);
}
