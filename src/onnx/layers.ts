import type { Chain, Layers, OutputLayer } from "../architectures/architecture.js";
import { activation } from "./activations.js";
import type { Op, Value } from "./body.js";
import type { Weights } from "./weights.js";

/** What layers are built with. */
export interface LayerContext {
  readonly op: Op;
  readonly weights: Weights;
  readonly epsilon: number;
  /** The config's activation. */
  readonly activation: unknown;
  /** The word embeddings, by their name below the base model. */
  readonly wordEmbeddings: string;
  /** Whether output embeddings are the input's (`tie_word_embeddings`). */
  readonly tied: boolean;
  /** What word embeddings are multiplied by when they are looked up. */
  readonly embeddingScale: number;
}

/** What a part of a layer is computed of: its input, behind its norm where that stands before it. */
export function partInput(context: LayerContext, norms: Layers["norms"], norm: string, x: Value): Value {
  return norms === "before" ? layerNorm(context, norm, x) : x;
}

/** A part's result and its input, summed, and their norm where that stands behind. */
export function addPart(
  context: LayerContext,
  norms: Layers["norms"],
  norm: string,
  result: Value,
  x: Value,
): Value {
  const sum = context.op.Add(result, x);
  return norms === "after" ? layerNorm(context, norm, sum) : sum;
}

/** The second part of a layer: wide, then back to the width of its input. @param path of the layer */
export function feedForward(context: LayerContext, layers: Layers, path: string, x: Value): Value {
  const at = (name: string) => `${path}.${name}`;
  const input = partInput(context, layers.norms, at(layers.outputNorm), x);
  const inner = activation(context.activation)(context.op, linear(context, at(layers.intermediate), input));
  return addPart(context, layers.norms, at(layers.outputNorm), linear(context, at(layers.output), inner), x);
}

/** x · weight + bias over the last axis. */
export function linear({ op, weights }: LayerContext, name: string, x: Value): Value {
  return op.Add(weights.linear(`${name}.weight`, x), weights.tensor(`${name}.bias`));
}

/** LayerNorm over the last axis. */
export function layerNorm({ op, weights, epsilon }: LayerContext, name: string, x: Value): Value {
  const attributes = { axis: -1, epsilon };
  return op.LayerNormalization(
    x,
    weights.tensor(`${name}.weight`),
    weights.tensor(`${name}.bias`),
    attributes,
  );
}

/** Layers and activations one after the other. @param x (batch, …, in) */
export function applyChain(context: LayerContext, chain: Chain, x: Value): Value {
  return chain.reduce((value, step) => {
    if (typeof step === "string")
      return activation(step === "config" ? context.activation : step)(context.op, value);
    if (step.kind === "output") return vocabulary(context, step, value);
    return (step.kind === "norm" ? layerNorm : linear)(context, step.name, value);
  }, x);
}

/**
 * Scores of all words for each token. The matrix [vocab, width] may be the word embeddings' own.
 * @param x (batch, length, width)
 */
function vocabulary(context: LayerContext, { name, bias, tied }: OutputLayer, x: Value): Value {
  const { weights, wordEmbeddings } = context;
  const own = `${name}.weight`;
  const matrix = tied && (context.tied || !weights.has(own)) ? `${wordEmbeddings}.weight` : own;
  const names = [bias.name, `${name}.bias`];
  const known = names.find((candidate) => weights.has(candidate));
  const biasName = known ?? (bias.kind === "buffer" ? undefined : names[1]);
  return weights.scores(matrix, x, biasName === undefined ? undefined : weights.tensor(biasName));
}
