import type { Head, HeadOutput } from "../architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { CheckpointError, OptionError } from "../errors.js";
import type { Model } from "../plan/model.js";
import { positionOffset } from "../plan/positions.js";
import type { LsgConfig } from "../variants/lsg-config.js";
import type { OnnxFunction, Value } from "./body.js";
import { createGraph, type GraphBuilder, type OnnxModel } from "./builder.js";
import { type EncoderInputs, encode } from "./encoder.js";
import { fullAttention } from "./functions/full-attention.js";
import { lsgAttention } from "./functions/lsg-attention.js";
import { applyChain, type LayerContext } from "./layers.js";
import { hasChoices, headForTask, type TaskOutput } from "./tasks.js";
import type { Dimension } from "./tensor.js";
import { createWeights, type WeightSource } from "./weights.js";

/** What a graph is to compute. */
export interface GraphOptions {
  /** LSG attention; undefined for the full attention of an unconverted model. */
  readonly lsg: LsgConfig | undefined;
  /** A task of optimum's; by default what the checkpoint's head is for. */
  readonly task?: string | undefined;
  /** Seed of lsh's random projections. */
  readonly seed: number;
  /** Stands in for the attention that `lsg` says, with the same inputs: for measurements. */
  readonly attention?: OnnxFunction;
}

/**
 * The graph of a whole model. Batch and length are free; masks, positions, global tokens, padding to blocks and
 * cutting it back are inside.
 * Inputs int64 (batch_size, sequence_length): `input_ids`, `attention_mask`, and `token_type_ids` where the
 * model has types; with choices (batch_size, num_choices, sequence_length). Outputs by task, float32.
 * @throws OptionError or CheckpointError for what cannot be exported.
 */
export function modelGraph(model: Model, source: WeightSource, options: GraphOptions): OnnxModel {
  const { architecture, config, sizes } = model;
  const head = headForTask(architecture, model.source.head, options.task);
  if (config.is_decoder === true && config.add_cross_attention === true) {
    throw new OptionError(
      "config.json: add_cross_attention is true; a decoder of a pair has no graph of its own",
    );
  }
  refuseOtherSettings(head, config);
  const graph = createGraph(`${architecture.modelType}-${options.lsg ? "lsg" : "full"}`);
  const context = layerContext(graph, model, head, source);
  const inputs = graphInputs(graph, model, head);
  const hidden = encode(graph, context, inputs.flat, {
    architecture,
    sizes,
    lsg: options.lsg,
    attention: options.attention ?? attentionFunction(model, options),
    positionOffset: positionOffset(architecture, config),
  });
  const outputs = graph.scope("head", () => headOutputs(context, model, head, hidden, inputs.choices));
  for (const { name, value, dims } of outputs) graph.output(name, value, "F32", dims);
  return graph.model();
}

/**
 * The graph of a model's own head alone. Input `hidden_states`, float32 (batch_size, sequence_length, hidden):
 * what the base model gives, of any choice of tokens, the first among them. Outputs as those of `modelGraph`,
 * but with choices as (batch_size, 1).
 * @throws CheckpointError for a head that cannot be exported
 */
export function headGraph(model: Model, head: Head, source: WeightSource): OnnxModel {
  refuseOtherSettings(head, model.config);
  const graph = createGraph(`${model.architecture.modelType}-head`);
  const dims = ["batch_size", "sequence_length", model.sizes.hidden];
  const hidden = graph.input("hidden_states", "F32", dims);
  const outputs = headOutputs(layerContext(graph, model, head, source), model, head, hidden, undefined);
  for (const output of outputs) graph.output(output.name, output.value, "F32", output.dims);
  return graph.model();
}

function layerContext(graph: GraphBuilder, model: Model, head: Head, source: WeightSource): LayerContext {
  const { architecture, config, sizes } = model;
  return {
    op: graph.op,
    weights: createWeights(graph, model, head, source),
    epsilon: sizes.normEpsilon,
    activation: activationName(model),
    wordEmbeddings: architecture.encoder.embeddings.word,
    tied: config.tie_word_embeddings !== false,
  };
}

function refuseOtherSettings(head: Head, config: Config): void {
  for (const [key, value] of Object.entries(head.assumes ?? {})) {
    if (config[key] === undefined || config[key] === value) continue;
    throw new CheckpointError(
      `config.json: ${key} is ${JSON.stringify(config[key])}; the graph of this head is made for ${JSON.stringify(value)}`,
      "Export the base model alone: --task feature-extraction.",
    );
  }
}

/** The attention op of a model. Causal models (`is_decoder`) have a causal one. */
export function attentionFunction({ sizes, config }: Model, { lsg, seed }: GraphOptions): OnnxFunction {
  const heads = { numHeads: sizes.heads, headDim: sizes.hidden / sizes.heads };
  const causal = config.is_decoder === true;
  return lsg ? lsgAttention({ ...heads, config: lsg, causal, seed }) : fullAttention({ ...heads, causal });
}

/** The inputs as the graph has them, and as (batch · choices, length). */
function graphInputs(graph: GraphBuilder, { architecture, sizes }: Model, head: Head) {
  const choices = hasChoices(head);
  const dims: Dimension[] = ["batch_size", ...(choices ? ["num_choices"] : []), "sequence_length"];
  const { op } = graph;
  const input = (name: string) => graph.input(name, "I64", dims);
  const flatten = (x: Value) =>
    choices ? op.Reshape(x, op.Concat([-1], op.Shape(x, { start: 2, end: 3 }), { axis: 0 })) : x;
  const ids = input("input_ids");
  const mask = input("attention_mask");
  const types =
    architecture.encoder.embeddings.usesTokenTypes && sizes.types > 0 ? input("token_type_ids") : undefined;
  const flat: EncoderInputs = {
    inputIds: flatten(ids),
    attentionMask: flatten(mask),
    tokenTypeIds: types && flatten(types),
  };
  return { flat, choices: choices ? op.Shape(ids, { start: 0, end: 2 }) : undefined };
}

/** @param choices (2): batch and choices, where inputs have them */
function headOutputs(
  context: LayerContext,
  model: Model,
  head: Head,
  hidden: Value,
  choices: Value | undefined,
): TaskOutput[] {
  const { op } = context;
  const { architecture, sizes } = model;
  const perToken: Dimension[] = ["batch_size", "sequence_length"];
  if (Object.keys(head.outputs).length === 0) {
    return [{ name: "last_hidden_state", value: hidden, dims: [...perToken, sizes.hidden] }];
  }
  const first = () => op.Gather(hidden, 0, { axis: 1 });
  const from: Record<HeadOutput["from"], () => Value> = {
    tokens: () => hidden,
    "first token": first,
    pooler: () => applyChain(context, architecture.pooler ?? [], first()),
  };
  return Object.entries(head.outputs).flatMap(([name, output]): TaskOutput[] => {
    const value = applyChain(context, output.chain, from[output.from]());
    const width = outputWidth(output, model);
    if (head.auto === "QuestionAnswering") {
      const ends = ["start_logits", "end_logits"];
      return ends.map((end, i) => ({ name: end, value: op.Gather(value, i, { axis: 2 }), dims: perToken }));
    }
    if (choices) return [{ name, value: op.Reshape(value, choices), dims: ["batch_size", "num_choices"] }];
    if (output.from !== "tokens") return [{ name, value, dims: ["batch_size", width] }];
    // ELECTRA's discriminator has one score a token, which transformers squeezes; one label keeps its axis.
    return [
      head.auto === "PreTraining" && width === 1
        ? { name, value: op.Squeeze(value, [2]), dims: perToken }
        : { name, value, dims: [...perToken, width] },
    ];
  });
}

/** Elements of a head's output for each token or input. */
function outputWidth({ chain }: HeadOutput, { sizes }: Model): number {
  const last = chain.findLast((step) => typeof step !== "string");
  if (last === undefined || typeof last === "string") return sizes.hidden;
  return typeof last.out === "number" ? last.out : sizes[last.out as keyof typeof sizes];
}

function activationName({ architecture, config }: Model): unknown {
  const key = architecture.config.activation;
  if (typeof key === "number") throw new CheckpointError("an activation is a name, not a number");
  return config[key[0]] ?? key[1];
}
