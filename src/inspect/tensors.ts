import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { PlannedShard, PlannedTensor } from "../plan/types.js";
import { DTYPES } from "../safetensors/dtype.js";
import type { ChangedTensor, InspectedTensor, TensorGroup } from "./types.js";

/** The tensors of a checkpoint in the order of its files. */
export function inspectedTensors({ tensors }: Pick<Checkpoint, "tensors">): InspectedTensor[] {
  return [...tensors].map(([name, { dtype, shape, file }]) => ({
    name,
    dtype,
    shape,
    bytes: (elements(shape) * DTYPES[dtype].bits) / 8,
    file,
  }));
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Sums by module: `encoder.layer.*` for what stands in every layer, else a name without its last two parts. */
export function tensorGroups(tensors: readonly InspectedTensor[]): TensorGroup[] {
  const groups = new Map<string, TensorGroup>();
  for (const { name, shape, bytes } of tensors) {
    const group = groupOf(name);
    const sum = groups.get(group) ?? { name: group, tensors: 0, parameters: 0, bytes: 0 };
    groups.set(group, {
      name: group,
      tensors: sum.tensors + 1,
      parameters: sum.parameters + elements(shape),
      bytes: sum.bytes + bytes,
    });
  }
  return [...groups.values()];
}

function groupOf(name: string): string {
  const parts = name.split(".");
  const layer = parts.findIndex((part) => /^\d+$/.test(part));
  if (layer > 0) return [...parts.slice(0, layer), "*"].join(".");
  return parts.slice(0, Math.max(1, parts.length - 2)).join(".");
}

/**
 * Which of the tensors that a conversion writes hold something else than the source's bytes.
 * @returns those, and how many hold what they held
 */
export function changedTensors(
  shards: readonly PlannedShard[],
  source: Pick<Checkpoint, "tensors">,
): { readonly changed: readonly ChangedTensor[]; readonly kept: number } {
  const all = shards.flatMap(({ tensors }) => [...tensors]);
  const used = new Set<string>();
  const changed = all.flatMap(([name, tensor]) => {
    const origin = originOf(tensor);
    // What is copied a second time is a tensor more: a Longformer's global projections.
    const isFirst = origin !== undefined && !used.has(origin);
    if (origin !== undefined) used.add(origin);
    const from = isFirst ? source.tensors.get(origin)?.shape : undefined;
    return isWhole(tensor, from) ? [] : [{ name, shape: tensor.shape, from: from ?? null }];
  });
  return { changed, kept: all.length - changed.length };
}

/** The source's tensor whose rows a planned one takes over. */
function originOf({ segments }: PlannedTensor): string | undefined {
  return segments.find((segment) => segment.kind === "copy")?.rows.tensor;
}

/** Whether it is a copy of all rows in their order. */
function isWhole({ segments, shape }: PlannedTensor, from: readonly number[] | undefined): boolean {
  const [only, ...others] = segments;
  if (only?.kind !== "copy" || others.length > 0 || String(from) !== String(shape)) return false;
  return only.rows.start === 0 && (only.rows.step === 1 || only.rows.count === 1);
}
