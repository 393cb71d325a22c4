import type { Chain, Layers, OutputLayer } from "../architectures/architecture.js";
import type { Model } from "../model/model.js";
import { activation, configActivation } from "./activations.js";
import type { Value } from "./body.js";
import type { ModelBuilder } from "./model-builder.js";

/** The input of a part of a layer, normalised where the norm comes first (pre-LN). */
export function partInput(builder: ModelBuilder, norms: Layers["norms"], norm: string, x: Value): Value {
  return norms === "before" ? layerNorm(builder, norm, x) : x;
}

/** The residual sum of a part's result and its input, normalised where the norm comes last (post-LN). */
export function addPart(
  builder: ModelBuilder,
  norms: Layers["norms"],
  norm: string,
  result: Value,
  x: Value,
): Value {
  const sum = builder.op.Add(result, x);
  return norms === "after" ? layerNorm(builder, norm, sum) : sum;
}

/** The second part of a layer: wide, then back to the width of its input. @param path of the layer */
export function feedForward(builder: ModelBuilder, layers: Layers, path: string, x: Value): Value {
  const at = (name: string) => `${path}.${name}`;
  const input = partInput(builder, layers.norms, at(layers.outputNorm), x);
  const inner = configActivation(builder.model)(builder.op, linear(builder, at(layers.intermediate), input));
  return addPart(builder, layers.norms, at(layers.outputNorm), linear(builder, at(layers.output), inner), x);
}

/** x · weight + bias over the last axis. */
export function linear({ op, weights }: ModelBuilder, name: string, x: Value): Value {
  return op.Add(weights.linear(`${name}.weight`, x), weights.tensor(`${name}.bias`));
}

/** LayerNorm over the last axis. @param epsilon by default the config's */
export function layerNorm(
  { op, weights, model }: ModelBuilder,
  name: string,
  x: Value,
  epsilon = model.sizes.normEpsilon,
): Value {
  const attributes = { axis: -1, epsilon };
  return op.LayerNormalization(
    x,
    weights.tensor(`${name}.weight`),
    weights.tensor(`${name}.bias`),
    attributes,
  );
}

/** Layers and activations one after the other. @param x (batch, …, in) */
export function applyChain(builder: ModelBuilder, chain: Chain, x: Value): Value {
  return chain.reduce((value, step) => {
    if (typeof step === "string") {
      const apply = step === "config" ? configActivation(builder.model) : activation(step);
      return apply(builder.op, value);
    }
    if (step.kind === "output") return vocabulary(builder, step, value);
    return step.kind === "norm" ? layerNorm(builder, step.name, value) : linear(builder, step.name, value);
  }, x);
}

/**
 * Scores of all words for each token. The matrix [vocab, width] may be the word embeddings' own.
 * @param x (batch, length, width)
 */
function vocabulary(builder: ModelBuilder, { name, bias, tied }: OutputLayer, x: Value): Value {
  const { weights, model } = builder;
  const own = `${name}.weight`;
  const matrix = tied && (model.tied || !weights.has(own)) ? wordTable(model) : own;
  const names = [bias.name, `${name}.bias`];
  const known = names.find((candidate) => weights.has(candidate));
  const biasName = known ?? (bias.kind === "buffer" ? undefined : names[1]);
  return weights.scores(matrix, x, biasName === undefined ? undefined : weights.tensor(biasName));
}

/** The table of word embeddings, by its name below the base model. */
export function wordTable({ architecture }: Model): string {
  return `${architecture.encoder.embeddings.word}.weight`;
}
