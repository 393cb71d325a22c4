import type { Architecture } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import { type Checkpoint, CONFIG_FILE, type Settled } from "../checkpoint/checkpoint.js";
import type { KeptBlocks } from "../checkpoint/kept-blocks.js";
import type { CheckpointTensor } from "../checkpoint/weight-file.js";
import { isRecord } from "../json/json-edit.js";
import { withoutPrefix } from "./names.js";
import { layerPaths, readSizes, sameShape } from "./tensor-specs.js";

/** Heads that `prune_heads` of transformers 4 took out, by layer: the projections have no rows for them. */
export const PRUNED_HEADS = "pruned_heads";

/**
 * Sees a checkpoint with pruned heads with every head, the pruned ones as zeros: they then give zeros, which the
 * output's projection adds to nothing, and every layer is as wide as the next one, as graphs and transformers 5 want it.
 * @returns undefined where no head was pruned
 * @throws CheckpointError where `pruned_heads` and the weights don't fit together
 */
export function everyHead(checkpoint: Checkpoint, architecture: Architecture): Settled | undefined {
  const { config } = checkpoint;
  const pruned = Object.entries(isRecord(config[PRUNED_HEADS]) ? config[PRUNED_HEADS] : {}).filter(
    ([, heads]) => !Array.isArray(heads) || heads.length > 0,
  );
  if (pruned.length === 0) return undefined;
  const { heads: count, hidden } = readSizes(architecture, config);
  const paths = layerPaths(architecture, readSizes(architecture, config));
  const names = new Map(
    [...checkpoint.tensors.keys()].map((name) => [withoutPrefix(name, architecture), name] as const),
  );
  const tensors = new Map(checkpoint.tensors);
  for (const [layer, heads] of pruned) {
    const path = paths[Number(layer)];
    if (path === undefined || !isHeadList(heads, count)) {
      throw new CheckpointError(
        `${CONFIG_FILE}: ${PRUNED_HEADS} says ${JSON.stringify({ [layer]: heads })}; there are ${paths.length} layers of ${count} heads`,
        "Correct it: numbers of heads, from 0 on, by the number of their layer.",
      );
    }
    const blocks = Array.from({ length: count }, (_, head) => head).filter((head) => !heads.includes(head));
    const width = hidden / count;
    for (const { module, axis, shape } of projections(architecture, path, hidden)) {
      const name = names.get(module);
      const tensor = tensors.get(name ?? "");
      if (name !== undefined && tensor)
        tensors.set(name, widened(name, tensor, shape, { axis, width, blocks }));
    }
  }
  const listed = pruned.map(([layer, heads]) => `${(heads as number[]).join(", ")} of layer ${layer}`);
  return {
    tensors,
    changes: new Map([[PRUNED_HEADS, undefined]]),
    note: `Heads were pruned (${listed.join("; ")}): the result has them again, with zeros for weights, and computes the same.`,
  };
}

function projections({ encoder: { layers } }: Architecture, path: string, hidden: number) {
  const inward = [layers.query, layers.key, layers.value].flatMap((module) => [
    { module: `${path}.${module}.weight`, axis: 0 as const, shape: [hidden, hidden] },
    { module: `${path}.${module}.bias`, axis: 0 as const, shape: [hidden] },
  ]);
  const outward = { axis: 1 as const, shape: [hidden, hidden] };
  return [...inward, { module: `${path}.${layers.attentionOutput}.weight`, ...outward }];
}

function widened(
  name: string,
  tensor: CheckpointTensor,
  shape: readonly number[],
  kept: KeptBlocks,
): CheckpointTensor {
  const expected = shape.map((size, axis) => (axis === kept.axis ? kept.blocks.length * kept.width : size));
  if (sameShape(tensor.shape, expected)) return { ...tensor, shape, kept };
  const isWhole = sameShape(tensor.shape, shape);
  throw new CheckpointError(
    `${CONFIG_FILE} has ${PRUNED_HEADS}, and tensor "${name}" in ${tensor.file} has shape [${tensor.shape}], expected [${expected}]`,
    isWhole
      ? `The weights hold every head: remove ${PRUNED_HEADS} from ${CONFIG_FILE}.`
      : "Weights and config belong to different models.",
  );
}

function isHeadList(heads: unknown, count: number): heads is number[] {
  return (
    Array.isArray(heads) &&
    heads.every((head) => Number.isSafeInteger(head) && head >= 0 && head < count) &&
    new Set(heads).size < count
  );
}
