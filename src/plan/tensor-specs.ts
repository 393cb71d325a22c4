import type { Architecture, Chain, ConfigName, Dim, Head } from "../architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { CheckpointError } from "../errors.js";

/** Every size that a tensor's shape can depend on. */
export type Sizes = Readonly<Record<Exclude<ConfigName, "activation">, number>> & { readonly labels: number };

/** A tensor that a class of transformers has. */
export interface TensorSpec {
  /** Base tensors without the base model's prefix. */
  readonly name: string;
  readonly shape: readonly number[];
  /** What transformers gives it when a checkpoint has none. */
  readonly initial: "normal" | "zeros" | "ones";
  readonly part: "base" | "pooler" | "head";
  /** The tensor that this one repeats: a checkpoint may hold either or both. */
  readonly tiedTo?: string;
}

type Shaped = Omit<TensorSpec, "part">;

/** No model is wider or knows more words. */
const MAX_SIZE = 2 ** 30;
/** No model is deeper; a typing error would fill memory with names. */
const MAX_COUNT = 10_000;
const COUNTS: ReadonlySet<string> = new Set(["layers", "layerGroups", "layersPerGroup", "heads"]);

/** Labels of a classifier whose config says nothing. */
const DEFAULT_LABELS = 2;

/**
 * Reads the sizes of a model from its config.
 * @throws CheckpointError if one is not a positive integer, or heads don't divide the width.
 */
export function readSizes(architecture: Architecture, config: Config, labels = configLabels(config)): Sizes {
  const read = ([name, key]: [string, Architecture["config"][ConfigName]]) => {
    if (typeof key === "number") return [name, key];
    const value = config[key[0]] ?? key[1];
    const most = COUNTS.has(name) ? MAX_COUNT : MAX_SIZE;
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
  const sizes = {
    ...Object.fromEntries(Object.entries(numeric).map((entry) => read(entry as never))),
    labels,
  } as Sizes;
  if (sizes.hidden % sizes.heads !== 0) {
    throw new CheckpointError(
      `config.json: ${sizes.heads} attention heads don't divide the width ${sizes.hidden}`,
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

/** The tensors of the base model, without pooler. */
export function baseSpecs(architecture: Architecture, sizes: Sizes): TensorSpec[] {
  const { embeddings, layers } = architecture.encoder;
  const specs: Shaped[] = [
    tensor(`${embeddings.word}.weight`, [sizes.vocab, sizes.embedding]),
    tensor(`${embeddings.position}.weight`, [sizes.positions, sizes.embedding]),
    ...(embeddings.tokenType
      ? [tensor(`${embeddings.tokenType}.weight`, [sizes.types, sizes.embedding])]
      : []),
    ...normTensors(embeddings.norm, sizes.embedding),
  ];
  const { projection } = embeddings;
  if (projection && (projection.when === "always" || sizes.embedding !== sizes.hidden)) {
    specs.push(...linearTensors(projection.name, sizes.hidden, sizes.embedding));
  }
  for (const path of layerPaths(architecture, sizes)) {
    for (const name of [layers.query, layers.key, layers.value, layers.attentionOutput]) {
      specs.push(...linearTensors(`${path}.${name}`, sizes.hidden, sizes.hidden));
    }
    specs.push(
      ...normTensors(`${path}.${layers.attentionNorm}`, sizes.hidden),
      ...linearTensors(`${path}.${layers.intermediate}`, sizes.intermediate, sizes.hidden),
      ...linearTensors(`${path}.${layers.output}`, sizes.hidden, sizes.intermediate),
      ...normTensors(`${path}.${layers.outputNorm}`, sizes.hidden),
    );
  }
  return specs.map((spec) => ({ ...spec, part: "base" }));
}

/** The pooler's tensors, if the architecture has one. */
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

/** The paths of all layers that have weights of their own, in order. */
function layerPaths(architecture: Architecture, sizes: Sizes): string[] {
  const { path, repeat } = architecture.encoder.layers;
  return repeat.reduce(
    (paths, counter) =>
      paths.flatMap((p) => range(sizes[counter as keyof Sizes]).map((i) => p.replace("*", String(i)))),
    [path],
  );
}

/**
 * The paths of layers in the order in which an input passes them. Layers that share their weights are used
 * for an equal part of the depth each (`AlbertTransformer.forward` of transformers).
 */
export function layerOrder(architecture: Architecture, sizes: Sizes): string[] {
  const [outer = "layers"] = architecture.encoder.layers.repeat;
  const paths = layerPaths(architecture, sizes);
  const groups = sizes[outer as keyof Sizes];
  const perGroup = paths.length / groups;
  return range(sizes.layers).flatMap((layer) => {
    const group = Math.floor((layer * groups) / sizes.layers);
    return paths.slice(group * perGroup, (group + 1) * perGroup);
  });
}

function chainTensors(chain: Chain, architecture: Architecture, sizes: Sizes): Shaped[] {
  const size = (dim: Dim) => (typeof dim === "number" ? dim : sizes[dim as keyof Sizes]);
  return chain.flatMap((step) => {
    if (typeof step === "string") return [];
    if (step.kind === "norm") return normTensors(step.name, size(step.out));
    const [weight, bias] = linearTensors(step.name, size(step.out), size(step.in));
    if (step.kind === "linear") return [weight, bias];
    const word = `${architecture.basePrefix}.${architecture.encoder.embeddings.word}.weight`;
    const ownBias = step.bias ?? bias.name;
    const tiedBias = ownBias === bias.name ? [] : [{ ...bias, tiedTo: ownBias }];
    return [{ ...weight, tiedTo: word }, { ...bias, name: ownBias }, ...tiedBias];
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

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
