import { posix } from "node:path";
import { parseObject } from "../checkpoint/checkpoint.js";
import type { ModuleEntry } from "../checkpoint/sentence-transformers/modules-json.js";

/** Ways of pooling, by sentence-transformers' names, in the order in which its old configs concatenate them. */
export const POOLING_MODES = [
  "cls",
  "max",
  "mean",
  "mean_sqrt_len_tokens",
  "weightedmean",
  "lasttoken",
] as const;
export type PoolingMode = (typeof POOLING_MODES)[number];

/** The names of the same modes in configs before sentence-transformers 5.4. */
const OLD_KEYS: Readonly<Record<string, PoolingMode>> = {
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len_tokens",
  pooling_mode_weightedmean_tokens: "weightedmean",
  pooling_mode_lasttoken: "lasttoken",
};

/** torch.nn's activations without parameters, by our names. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  Identity: "linear",
  Tanh: "tanh",
  ReLU: "relu",
  GELU: "gelu",
  Sigmoid: "sigmoid",
  SiLU: "silu",
};

/** One step behind the transformer, with the folder that its tensors' names begin with. */
export type Step =
  | { readonly kind: "pooling"; readonly modes: readonly PoolingMode[] }
  | DenseStep
  | { readonly kind: "layer norm"; readonly folder: string; readonly width: number }
  | { readonly kind: "normalize" };

/** activation(x · weightᵀ + bias), and where there is a residual plus x, or plus x · residualᵀ. */
export interface DenseStep {
  readonly kind: "dense";
  /** Empty for a layer among the model's own tensors. */
  readonly folder: string;
  readonly out: number;
  readonly in: number;
  readonly bias: boolean;
  /** A name of transformers' (`ACT2FN`). */
  readonly activation: string;
  readonly residual: "none" | "itself" | "projected";
}

/** torch's epsilons, which no config names: LayerNorm's, and that of `functional.normalize`. */
export const LAYER_NORM_EPSILON = 1e-5;
export const NORMALIZE_EPSILON = 1e-12;

/** What a module's folder says of it, and where in the chain it stands. */
export interface StepContext {
  /** Numbers that the step before gives, for each token or text. */
  readonly width: number;
  /** Whether they are still those of tokens. */
  readonly perToken: boolean;
  /** In a ColBERT every dense layer is one for tokens. */
  readonly isColbert: boolean;
  /** config.json of the module's folder; undefined if it has none. */
  readonly config: Buffer | undefined;
}

/** A step and what it gives; nothing for a module that computes nothing in use; or why it cannot be a step. */
export type ReadStep =
  | { readonly step: Step | undefined; readonly width: number; readonly perToken: boolean }
  | { readonly reason: string };

/** Reads a module behind the transformer. @throws CheckpointError if its config is not a JSON object */
export function readStep({ type, path }: ModuleEntry, context: StepContext): ReadStep {
  const name = type.split(".").at(-1) ?? "";
  const isKnown = /^(sentence_transformers|pylate)\./.test(type) && Object.hasOwn(READERS, name);
  const read = isKnown ? READERS[name] : undefined;
  if (!read) return { reason: `${type} is not a module that graphs know` };
  const file = posix.join(path, "config.json");
  const config = context.config ? parseObject(context.config, file) : {};
  return read(config, { ...context, folder: path });
}

type Reader = (
  config: Readonly<Record<string, unknown>>,
  context: StepContext & { readonly folder: string },
) => ReadStep;

const readPooling: Reader = (config, { folder, width, perToken }) => {
  if (!perToken) return { reason: `${folder} pools what is pooled already` };
  if (config.include_prompt === false) {
    return {
      reason: `${folder} leaves the prompt out (include_prompt), and a graph is not told where it ends`,
    };
  }
  const given = [config.pooling_mode ?? oldModes(config)].flat();
  const modes = POOLING_MODES.filter((mode) => given.includes(mode));
  const unknown = given.find((mode) => !modes.some((known) => known === mode));
  if (unknown !== undefined) return { reason: `${folder} pools by ${JSON.stringify(unknown)}` };
  const ordered = given as PoolingMode[];
  return { step: { kind: "pooling", modes: ordered }, width: width * ordered.length, perToken: false };
};

/** Without any mode set it is the mean. */
function oldModes(config: Readonly<Record<string, unknown>>): PoolingMode[] {
  const set = Object.entries(OLD_KEYS).flatMap(([key, mode]) => (config[key] ? [mode] : []));
  return set.length > 0 ? set : ["mean"];
}

const readDense: Reader = (config, { folder, width, perToken, isColbert }) => {
  const { in_features: input, out_features: out, bias = true, use_residual: residual = false } = config;
  const { module_input_name: from = "sentence_embedding", module_output_name: to = from } = config;
  const expected = perToken ? "token_embeddings" : "sentence_embedding";
  if (!isColbert && (from !== expected || to !== expected)) {
    return {
      reason: `${folder} makes ${JSON.stringify(to)} of ${JSON.stringify(from)} where ${expected} are`,
    };
  }
  if (input !== width || typeof out !== "number") {
    return { reason: `${folder} takes ${JSON.stringify(input)} numbers where there are ${width}` };
  }
  const { activation_function: given = isColbert ? "torch.nn.Identity" : "torch.nn.Tanh" } = config;
  const [, name = ""] = /^torch\.nn\.(?:.*\.)?(\w+)$/.exec(String(given)) ?? [];
  const activation = ACTIVATIONS[name];
  if (activation === undefined) return { reason: `${folder} has the activation ${JSON.stringify(given)}` };
  const step: DenseStep = {
    kind: "dense",
    folder,
    out,
    in: width,
    bias: bias === true,
    activation,
    residual: residual !== true ? "none" : out === width ? "itself" : "projected",
  };
  return { step, width: out, perToken };
};

/** By class. Dropout does nothing outside of training. */
const READERS: Readonly<Record<string, Reader>> = {
  Pooling: readPooling,
  Dense: readDense,
  LayerNorm: (_, { folder, width, perToken }) =>
    perToken
      ? { reason: `${folder} comes before pooling` }
      : { step: { kind: "layer norm", folder, width }, width, perToken },
  // It has no effect on tokens that are not pooled.
  Normalize: (_, { width, perToken }) => ({
    step: perToken ? undefined : { kind: "normalize" },
    width,
    perToken,
  }),
  Dropout: (_, { width, perToken }) => ({ step: undefined, width, perToken }),
};

/** A tensor that a step needs, below its folder. */
interface StepTensor {
  readonly folder: string;
  readonly name: string;
  readonly shape: readonly number[];
}

export function stepTensors(step: Step): StepTensor[] {
  if (step.kind === "pooling" || step.kind === "normalize") return [];
  const { folder } = step;
  if (step.kind === "layer norm") {
    return ["norm.weight", "norm.bias"].map((name) => ({ folder, name, shape: [step.width] }));
  }
  const matrix = [step.out, step.in];
  return [
    { folder, name: "linear.weight", shape: matrix },
    ...(step.bias ? [{ folder, name: "linear.bias", shape: [step.out] }] : []),
    ...(step.residual === "projected" ? [{ folder, name: "residual.weight", shape: matrix }] : []),
  ];
}
