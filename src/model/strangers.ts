import type { Architecture } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import { listed } from "../base/listed.js";
import { quote } from "../base/quote.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import { tensorBytes } from "../safetensors/header.js";
import type { ModelClass } from "./classes.js";
import { knownNames, type SourceTensor, type SourceTensors } from "./names.js";
import { headSpecs, layerCounters, type Sizes } from "./tensor-specs.js";

/** Buffers that transformers computes anew; old versions saved them. */
export const BUFFERS = ["embeddings.position_ids", "embeddings.token_type_ids"];

/** Where a tensor stands that a class does not have. */
export type Place =
  /** In one of the layers that the config counts. */
  | "layer"
  /** In a layer beyond those. */
  | "further layer"
  /** Elsewhere in the base model. */
  | "base model"
  | "head";

/** A tensor that the class of a checkpoint does not have. */
export interface Stranger {
  readonly tensor: SourceTensor;
  readonly place: Place;
}

/** A class, and the tensors of a checkpoint by the names that it gives them. */
interface Named {
  readonly architecture: Architecture;
  readonly source: ModelClass;
  readonly sizes: Sizes;
  readonly tensors: SourceTensors;
}

/** Tensors that the class of a checkpoint lacks: transformers would ignore them. */
export function strangersOf({ architecture, source, sizes, tensors }: Named): Stranger[] {
  const { baseNames } = knownNames(architecture, sizes);
  const head = source.head ? headSpecs(architecture, source.head, sizes) : [];
  const own = new Set(head.map(({ name }) => name));
  const isOwn = ({ name }: SourceTensor) =>
    own.has(name) || (source.className === COLBERT_CLASS && /^linear\.(weight|bias)$/.test(name));
  return [...tensors.values()].flatMap((tensor): Stranger[] => {
    const { baseName } = tensor;
    if (baseName === undefined) return isOwn(tensor) ? [] : [{ tensor, place: "head" }];
    if (baseNames.has(baseName) || BUFFERS.includes(baseName)) return [];
    return [{ tensor, place: placeOf(baseName, architecture, sizes) }];
  });
}

const SAVE_WITHOUT = "Save the checkpoint again without them, in a copy of the folder.";

/** Tensors that share a storage, as tied ones do, are written one by one: so often the whole of a file's bytes. */
const TIMES_FILES = 2;

/**
 * Bounds what the tensors that no config asks for are written as: in a PyTorch file a view of a few stored bytes can say
 * that it has gigabytes, and thousands of names can stand for one storage.
 * @throws CheckpointError that names the tensor, its storage, shape and strides
 */
export function refuseExpanded({
  checkpoint: { source, weightFiles },
  source: { className },
  strangers,
}: {
  readonly checkpoint: Checkpoint;
  readonly source: ModelClass;
  readonly strangers: () => readonly Stranger[];
}): void {
  const carried = strangers().map(({ tensor }) => tensor);
  for (const { sourceName, stored } of carried) {
    const { file, dtype, shape, strides, beyondStorage: storage } = stored;
    if (!storage) continue;
    throw new CheckpointError(
      `${file}: tensor ${quote(sourceName)} is ${dtype} [${shape}] with strides [${strides}], ${tensorBytes(dtype, shape)} bytes, ` +
        `and its storage ${quote(storage.key)} has ${storage.bytes}: no setting of config.json asks for it`,
      SAVE_WITHOUT,
    );
  }
  const bytes = carried.reduce((sum, { stored }) => sum + (tensorBytes(stored.dtype, stored.shape) ?? 0), 0);
  const inFiles = weightFiles.reduce((sum, { path }) => sum + (source.files.get(path)?.size ?? 0), 0);
  if (bytes <= TIMES_FILES * inFiles) return;
  throw new CheckpointError(
    `${weightFiles.map(({ path }) => path).join(", ")}: ${carried.length} tensors that ${className} does not have ` +
      `come to ${bytes} bytes, and the files to ${inFiles}: they share their storages`,
    SAVE_WITHOUT,
  );
}

/** How many layers of the encoder a checkpoint has tensors of, and how many its config counts, by which key. */
export function layerCounts({ architecture, sizes, tensors }: Omit<Named, "source">): {
  readonly found: number;
  readonly counted: number;
  readonly key: string;
} {
  const { path, sharing } = architecture.encoder.layers;
  const key = sharing?.groups ?? architecture.config.layers;
  const pattern = new RegExp(`^${layerPattern(path)}`);
  const numbers = [...tensors.values()].map(({ baseName }) =>
    Number(pattern.exec(baseName ?? "")?.[1] ?? -1),
  );
  return {
    found: numbers.reduce((most, number) => Math.max(most, number + 1), 0),
    counted: layerCounters(sizes)[0] ?? 0,
    key: typeof key === "number" ? "layers" : key[0],
  };
}

function layerPattern(path: string): string {
  return `${path.replaceAll(".", "\\.").replaceAll("*", "(\\d+)")}\\.`;
}

function placeOf(baseName: string, { encoder, decoder }: Architecture, sizes: Sizes): Place {
  const stacks = [
    { path: encoder.layers.path, counts: layerCounters(sizes) },
    ...(decoder ? [{ path: decoder.layers.path, counts: [sizes.decoder?.layers ?? 0] }] : []),
  ];
  for (const { path, counts } of stacks) {
    const found = new RegExp(`^${layerPattern(path)}`).exec(baseName);
    if (!found) continue;
    const isBeyond = counts.some((count, i) => Number(found[i + 1]) >= count);
    return isBeyond ? "further layer" : "layer";
  }
  return "base model";
}

/** Groups that are still read; more become modules. */
const MAX_GROUPS = 12;

/** Nobody names so many modules in earnest, and a log is not to be filled with them. */
const MAX_NAMED = 60;

/** Tensors in few words: one name for the weight and the bias of a module, and for the same one of all layers. */
export function groupNames(names: readonly string[]): string {
  const modules = names.map((name) =>
    name.replace(/\.(weight|bias)$/, "").replace(/(^|\.)\d+(?=\.|$)/g, "$1*"),
  );
  const isLong = new Set(modules).size > MAX_GROUPS;
  const groups = new Map<string, number>();
  for (const module of modules) {
    const group = isLong ? outerModule(module) : module;
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  const texts = [...groups].map(([group, count]) => (count > 1 ? `${group} (${count} tensors)` : group));
  return listed(texts, MAX_NAMED);
}

/** Up to the layer, or the first two parts. */
function outerModule(module: string): string {
  const layer = module.indexOf("*");
  return layer < 0 ? module.split(".").slice(0, 2).join(".") : module.slice(0, layer + 1);
}
