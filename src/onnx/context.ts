import type { Head } from "../architectures/architecture.js";
import { isLongformer, readLongformer, windowOf } from "../attention/longformer.js";
import type { LsgConfig } from "../attention/lsg-config.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { activationOf } from "../model/config.js";
import type { Model } from "../model/model.js";
import type { GlobalAttention } from "../options/schemas.js";
import type { CandidateTokens } from "../tokenizer/candidate-tokens.js";
import type { OnnxFunction } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import { embeddingScale } from "./embeddings.js";
import { fullAttention } from "./functions/full-attention.js";
import { longformerAttention } from "./functions/longformer-attention.js";
import { lsgAttention } from "./functions/lsg-attention.js";
import type { LayerContext } from "./layers.js";
import { createWeights, type WeightSource } from "./weights.js";

/** What a graph is to compute. */
export interface GraphOptions {
  /** LSG attention; undefined for the full attention of an unconverted model. */
  readonly lsg: LsgConfig | undefined;
  /** A task of optimum's; by default what the checkpoint's head is for. */
  readonly task?: string | undefined;
  /** Whether a Longformer's global tokens are an input, `global_attention_mask`; by default its head gives them. */
  readonly globalAttention?: GlobalAttention | undefined;
  /** Ids of the tokens around a candidate, for the task candidate-scoring. */
  readonly candidates?: CandidateTokens | undefined;
  /** Seed of lsh's random projections. */
  readonly seed: number;
  /** Full attention in the place of a Longformer's windows as well: for measurements. */
  readonly full?: boolean;
}

/**
 * What a model's layers are built with in a graph.
 * @throws CheckpointError for a head that cannot be exported
 */
export function layerContext(
  graph: GraphBuilder,
  model: Model,
  head: Head,
  source: WeightSource,
): LayerContext {
  const { architecture, config, sizes, tied } = model;
  refuseOtherSettings(head, config);
  return {
    op: graph.op,
    weights: createWeights(graph, model, head, source),
    epsilon: sizes.normEpsilon,
    activation: activationOf(architecture, config),
    wordEmbeddings: architecture.encoder.embeddings.word,
    tied,
    embeddingScale: embeddingScale(architecture, config, sizes),
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

/**
 * The attention op of a model; of a Longformer that of its first layer, without global tokens. Causal models
 * (`is_decoder`) have a causal one.
 */
export function attentionFunction(
  { architecture, sizes, config }: Model,
  { lsg, full = false, seed }: Pick<GraphOptions, "lsg" | "full" | "seed">,
): OnnxFunction {
  const heads = { numHeads: sizes.heads, headDim: sizes.hidden / sizes.heads };
  if (isLongformer(architecture) && !full) {
    const window = windowOf(readLongformer(config, sizes), 0, sizes.heads);
    return longformerAttention({ ...heads, ...window, globals: false });
  }
  const causal = config.is_decoder === true;
  const relative = architecture.encoder.relativeBias;
  return lsg && !full
    ? lsgAttention({ ...heads, config: lsg, causal, seed, relative })
    : fullAttention({ ...heads, causal, relative });
}
