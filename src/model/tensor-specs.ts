import type {
  Architecture,
  Attention,
  Chain,
  ConfigKey,
  Dim,
  GlobalProjections,
  Head,
  Layers,
} from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import { range } from "../base/range.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { CheckpointTensor } from "../checkpoint/weight-file.js";

/** Every size that a tensor's shape can depend on. */
export type Sizes = Readonly<Record<Exclude<Dim, number>, number>> & {
  /** Of layers that share their weights. */
  readonly sharing?: { readonly groups: number; readonly perGroup: number } | undefined;
  /** Rows of the table of task types, where the model has one. */
  readonly taskTypes?: number;
  readonly decoder?: Readonly<Record<"layers" | "heads" | "intermediate", number>> & {
    readonly positions?: number;
  };
  /** Rows of the table of relative biases. */
  readonly relativeRows?: number;
};

export interface TensorSpec {
  /** Base tensors without the base model's prefix. */
  readonly name: string;
  readonly shape: readonly number[];
  /** What transformers gives it when a checkpoint has none. */
  readonly initial: "normal" | "zeros" | "ones";
  readonly part: "base" | "pooler" | "head";
  /** The tensor that this one repeats: a checkpoint may hold either or both. */
  readonly tiedTo?: string;
  /** Whether it is a weight of its own where weights are not tied, rather than the same values once more. */
  readonly ownUnlessTied?: boolean;
  /** Whether a checkpoint may lack it: transformers then has the right values for it. */
  readonly optional?: boolean;
}

type Shaped = Omit<TensorSpec, "part">;

/** More than any model's width or vocabulary. */
const MAX_SIZE = 2 ** 30;

/**
 * No model is deeper, or has more heads. A typing error would fill memory with names; layers that share their weights, of
 * which any number fits a small file, would fill a graph that takes minutes to load and cannot be stopped meanwhile.
 */
const MAX_COUNTS: Readonly<Record<string, number>> = {
  layers: 128,
  groups: 128,
  perGroup: 128,
  heads: 10_000,
};

/** Labels of a classifier whose config says nothing. */
const DEFAULT_LABELS = 2;

/**
 * Reads the sizes of a model from its config.
 * @throws CheckpointError if one is not a positive integer, or heads don't divide the width.
 */
export function readSizes(architecture: Architecture, config: Config, labels = configLabels(config)): Sizes {
  const read = ([name, key]: [string, ConfigKey]): [string, number] => {
    if (typeof key === "number") return [name, key];
    const value = config[key[0]] ?? key[1];
    const most = MAX_COUNTS[name] ?? MAX_SIZE;
    const isSize = name !== "normEpsilon" && name !== "initializerRange";
    if (
      typeof value !== "number" ||
      (isSize && !(Number.isSafeInteger(value) && value >= 1 && value <= most))
    ) {
      const expected = isSize ? `positive integer up to ${most}` : "positive number";
      throw new CheckpointError(`config.json: ${key[0]} is ${JSON.stringify(value)}, expected a ${expected}`);
    }
    return [name, value];
  };
  const { activation: _, ...numeric } = architecture.config;
  const { sharing } = architecture.encoder.layers;
  const readAll = (keys: Readonly<Record<string, ConfigKey>>) =>
    Object.fromEntries(Object.entries(keys).map(read));
  const decoder = architecture.decoder && readAll(architecture.decoder.config);
  const { types } = architecture.encoder.embeddings;
  const hasTasks = types.kind === "input and task" && config[types.task.where] === true;
  const relative = architecture.encoder.relativeBias;
  const sizes = {
    ...readAll({ ...numeric, outputEmbedding: numeric.outputEmbedding ?? numeric.embedding }),
    ...(hasTasks && readAll({ taskTypes: types.task.rows })),
    ...(sharing && { sharing: readAll({ groups: sharing.groups, perGroup: sharing.perGroup }) }),
    labels,
    ...(decoder && { decoder }),
    ...(relative && readAll({ relativeRows: relative.rows })),
  } as Sizes;
  if (relative && (sizes.relativeRows ?? 0) < relative.buckets) {
    throw new CheckpointError(
      `config.json: ${relative.rows[0]} is ${sizes.relativeRows}; ${architecture.title} uses ${relative.buckets} buckets`,
      "Check the config: transformers does not run this model either.",
    );
  }
  for (const heads of [sizes.heads, sizes.decoder?.heads ?? 1]) {
    if (sizes.hidden % heads === 0) continue;
    throw new CheckpointError(
      `config.json: ${heads} attention heads don't divide the width ${sizes.hidden}`,
      "Check the config: transformers does not open this model either.",
    );
  }
  return sizes;
}

/** Number of labels as transformers counts them. */
export function configLabels(config: Config): number {
  const { id2label, num_labels } = config;
  if (typeof id2label === "object" && id2label !== null) return Object.keys(id2label).length;
  return typeof num_labels === "number" ? num_labels : DEFAULT_LABELS;
}

/** Whether weights that may be shared are shared. */
export function isTied(config: Config): boolean {
  return config.tie_word_embeddings !== false;
}

/** The tensors of the base model, without pooler. */
export function baseSpecs(architecture: Architecture, sizes: Sizes): TensorSpec[] {
  const { encoder, decoder } = architecture;
  const { embeddings } = encoder;
  const words = tensor(`${embeddings.word}.weight`, [sizes.vocab, sizes.embedding]);
  const copyOfWords = (name: string): Shaped => ({ ...words, name: `${name}.weight`, tiedTo: words.name });
  const stacks = [
    ...(decoder
      ? [{ ...decoder, sizes: sizes.decoder ?? sizes, paths: decoderPaths(architecture, sizes) }]
      : []),
    { ...encoder, sizes, paths: layerPaths(architecture, sizes) },
  ];
  const specs = [
    words,
    ...typeTables(architecture, sizes).map(({ table, rows }) =>
      tensor(`${table}.weight`, [rows, sizes.embedding]),
    ),
    ...(projects(architecture, sizes)
      ? linearTensors(embeddings.projection?.name ?? "", sizes.hidden, sizes.embedding)
      : []),
    ...(encoder.relativeBias
      ? [tensor(`${encoder.relativeBias.table}.weight`, [sizes.relativeRows ?? 0, sizes.heads])]
      : []),
    ...stacks.flatMap((stack) => [
      ...(stack.embeddings.wordCopy ? [copyOfWords(stack.embeddings.wordCopy)] : []),
      positionSpec(stack.embeddings.position, architecture, stack.sizes.positions ?? sizes.positions, sizes),
      ...(stack.embeddings.norm ? normTensors(stack.embeddings.norm, sizes.embedding) : []),
      ...stack.paths.flatMap((path) =>
        layerTensors(stack.layers, path, sizes.hidden, stack.sizes.intermediate),
      ),
      ...(stack.norm ? normTensors(stack.norm, sizes.hidden) : []),
    ]),
  ];
  return specs.map((spec) => ({ ...spec, part: "base" }));
}

/** The tables of types that a model has: the input's, then that of tasks. */
export function typeTables({ encoder }: Architecture, sizes: Sizes): { table: string; rows: number }[] {
  const { types } = encoder.embeddings;
  if (types.kind === "none") return [];
  const own = { table: types.table, rows: sizes.types };
  if (types.kind !== "input and task" || !sizes.taskTypes) return [own];
  return [own, { table: types.task.table, rows: sizes.taskTypes }];
}

/** Whether a linear layer brings embeddings to the width of the layers. */
export function projects({ encoder }: Architecture, sizes: Sizes): boolean {
  const { projection } = encoder.embeddings;
  return projection !== undefined && (projection.when === "always" || sizes.embedding !== sizes.hidden);
}

/** @param counted as the config counts them */
function positionSpec(name: string, { positions }: Architecture, counted: number, sizes: Sizes): Shaped {
  const rows = counted + (positions.kind === "table" ? positions.rowsBefore : 0);
  const spec = tensor(`${name}.weight`, [rows, sizes.embedding]);
  return positions.kind === "sinusoidal" ? { ...spec, optional: true } : spec;
}

function layerTensors(
  layers: Layers & { readonly cross?: Attention; readonly global?: GlobalProjections },
  path: string,
  hidden: number,
  intermediate: number,
): Shaped[] {
  const at = (name: string) => `${path}.${name}`;
  const attention = (names: Attention) => [
    ...[names.query, names.key, names.value, names.attentionOutput].flatMap((name) =>
      linearTensors(at(name), hidden, hidden),
    ),
    ...normTensors(at(names.attentionNorm), hidden),
  ];
  return [
    ...attention(layers),
    ...Object.values(layers.global ?? {}).flatMap((name) => linearTensors(at(name), hidden, hidden)),
    ...(layers.cross ? attention(layers.cross) : []),
    ...linearTensors(at(layers.intermediate), intermediate, hidden),
    ...linearTensors(at(layers.output), hidden, intermediate),
    ...normTensors(at(layers.outputNorm), hidden),
  ];
}

export function poolerSpecs(architecture: Architecture, sizes: Sizes): TensorSpec[] {
  const chain = architecture.pooler ?? [];
  return chainTensors(chain, architecture, sizes).map((spec) => ({ ...spec, part: "pooler" }));
}

/** The tensors of a head, by their full names. */
export function headSpecs(architecture: Architecture, head: Head, sizes: Sizes): TensorSpec[] {
  const chains = Object.values(head.outputs).map(({ chain }) => chain);
  return chains
    .flatMap((chain) => chainTensors(chain, architecture, sizes))
    .map((spec) => ({ ...spec, part: "head" }));
}

/** The paths of the decoder's layers, in order. */
export function decoderPaths({ decoder }: Architecture, sizes: Sizes): string[] {
  return decoder
    ? range(0, sizes.decoder?.layers ?? 0).map((i) => decoder.layers.path.replace("*", String(i)))
    : [];
}

/** How far each `*` in the path of the encoder's layers counts. */
export function layerCounters({ layers, sharing }: Sizes): number[] {
  return sharing ? [sharing.groups, sharing.perGroup] : [layers];
}

/** The paths of all layers that have weights of their own, in order. */
export function layerPaths(architecture: Architecture, sizes: Sizes): string[] {
  return layerCounters(sizes).reduce(
    (paths, count) => paths.flatMap((path) => range(0, count).map((i) => path.replace("*", String(i)))),
    [architecture.encoder.layers.path],
  );
}

/**
 * The paths of layers in the order in which an input passes them. Layers that share their weights are used
 * for an equal part of the depth each (`AlbertTransformer.forward` of transformers).
 */
export function layerOrder(architecture: Architecture, sizes: Sizes): string[] {
  const paths = layerPaths(architecture, sizes);
  const { groups, perGroup } = sizes.sharing ?? { groups: sizes.layers, perGroup: 1 };
  return range(0, sizes.layers).flatMap((layer) => {
    const group = Math.floor((layer * groups) / sizes.layers);
    return paths.slice(group * perGroup, (group + 1) * perGroup);
  });
}

function chainTensors(chain: Chain, architecture: Architecture, sizes: Sizes): Shaped[] {
  const size = (dim: Dim) => (typeof dim === "number" ? dim : sizes[dim]);
  return chain.flatMap((step) => {
    if (typeof step === "string") return [];
    if (step.kind === "norm") return normTensors(step.name, size(step.out));
    const [weight, bias] = linearTensors(step.name, size(step.out), size(step.in));
    if (step.kind !== "output") return [weight, bias];
    const word = `${architecture.basePrefix}.${architecture.encoder.embeddings.word}.weight`;
    const { kind, name } = step.bias;
    const output: Shaped = step.tied ? { ...weight, tiedTo: word, ownUnlessTied: true } : weight;
    if (kind === "buffer") {
      return [output, { name, shape: [1, ...bias.shape], initial: "zeros", optional: true }];
    }
    const tiedBias = name === bias.name ? [] : [{ ...bias, tiedTo: name }];
    return [output, { ...bias, name }, ...tiedBias];
  });
}

function linearTensors(name: string, out: number, input: number): [weight: Shaped, bias: Shaped] {
  return [tensor(`${name}.weight`, [out, input]), { name: `${name}.bias`, shape: [out], initial: "zeros" }];
}

function normTensors(name: string, width: number): Shaped[] {
  return [
    { name: `${name}.weight`, shape: [width], initial: "ones" },
    { name: `${name}.bias`, shape: [width], initial: "zeros" },
  ];
}

function tensor(name: string, shape: number[]): Shaped {
  return { name, shape, initial: "normal" };
}

/** The tensors that a checkpoint must hold: neither tied nor optional ones. */
export function ownSpecs(specs: readonly TensorSpec[], tied: boolean): TensorSpec[] {
  return specs.filter(
    ({ optional, tiedTo, ownUnlessTied }) => !optional && (tiedTo === undefined || (!tied && ownUnlessTied)),
  );
}

/** Every tensor that a class has, by its full name. */
export function classSpecs(
  architecture: Architecture,
  head: Head | undefined,
  sizes: Sizes,
  prefix: string,
): TensorSpec[] {
  const base = [...baseSpecs(architecture, sizes), ...(head?.pooler ? poolerSpecs(architecture, sizes) : [])];
  return [
    ...base.map((spec) => ({
      ...spec,
      name: prefix + spec.name,
      ...(spec.tiedTo !== undefined && { tiedTo: prefix + spec.tiedTo }),
    })),
    ...(head ? headSpecs(architecture, head, sizes) : []),
  ];
}

/**
 * @param remedy what to do where the checkpoint is known for another model's
 * @throws CheckpointError if a tensor's shape is not what its class and the config say.
 */
export function checkShape(
  { sourceName, stored }: { readonly sourceName: string; readonly stored: CheckpointTensor },
  spec: TensorSpec,
  remedy?: () => string | undefined,
): void {
  if (sameShape(stored.shape, spec.shape)) return;
  throw new CheckpointError(
    `${stored.file}: tensor "${sourceName}" has shape [${stored.shape}], config.json says [${spec.shape}]`,
    remedy?.() ?? "Weights and config belong to different models, or a key of config.json was changed.",
  );
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
