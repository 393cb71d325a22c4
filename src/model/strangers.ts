import type { Architecture } from "../architectures/architecture.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import { knownNames } from "./known-names.js";
import type { Model } from "./model.js";
import type { SourceTensor } from "./names.js";
import { headSpecs, type Sizes } from "./tensor-specs.js";

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

/** Tensors that the class of a checkpoint lacks: transformers would ignore them. */
export function strangersOf(model: Model): Stranger[] {
  const { architecture, source, sizes, tensors } = model;
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

function placeOf(baseName: string, { encoder, decoder }: Architecture, sizes: Sizes): Place {
  const stacks = [
    { path: encoder.layers.path, counts: encoder.layers.repeat.map((counter) => sizes[counter]) },
    ...(decoder ? [{ path: decoder.layers.path, counts: [sizes.decoder?.layers ?? 0] }] : []),
  ];
  for (const { path, counts } of stacks) {
    const pattern = path.replaceAll(".", "\\.").replaceAll("*", "(\\d+)");
    const found = new RegExp(`^${pattern}\\.`).exec(baseName);
    if (!found) continue;
    const isBeyond = counts.some((count, i) => Number(found[i + 1]) >= count);
    return isBeyond ? "further layer" : "layer";
  }
  return "base model";
}

/** Names in few words: those that differ by the numbers of layers alone are one, with how many there are. */
export function groupNames(names: readonly string[]): string {
  const groups = new Map<string, number>();
  for (const name of names) {
    const group = name.replace(/(^|\.)\d+(?=\.|$)/g, "$1*");
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  return [...groups].map(([group, count]) => (count > 1 ? `${group} (${count})` : group)).join(", ");
}
