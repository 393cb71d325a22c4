import { CheckpointError } from "../base/errors.js";
import type { SourceTensor } from "../model/names.js";
import type { TensorSpec } from "../model/tensor-specs.js";
import type { Dtype } from "../safetensors/dtype.js";
import { tensorBytes } from "../safetensors/header.js";
import type { Generator, PlannedTensor, Segment, TensorDraft } from "./types.js";

/** The whole of a tensor, as it is. */
export function copyOf({ name, sourceName, stored: { dtype, shape } }: SourceTensor): TensorDraft {
  const rows = { tensor: sourceName, start: 0, count: shape[0] ?? 1, step: 1 };
  return { name, dtype, shape, segments: [{ kind: "copy", rows }] };
}

/** A tensor as transformers initialises it. */
export function newTensor(
  spec: TensorSpec,
  dtype: Dtype,
  seed: number,
  initializerRange: number,
): TensorDraft {
  const { name, shape } = spec;
  const generator: Generator =
    spec.initial === "normal"
      ? // Tensors with the same seed would begin with the same numbers; the name tells them apart.
        { kind: "normal", standardDeviation: initializerRange, seed: nameSeed(seed, name) }
      : { kind: "constant", value: spec.initial === "ones" ? 1 : 0 };
  const segment: Segment = { kind: "sum", count: shape[0] ?? 1, terms: [generator] };
  return { name, dtype, shape, segments: [segment] };
}

/** Gives tensors their places, one behind the other. */
export function layOut(drafts: readonly TensorDraft[]): ReadonlyMap<string, PlannedTensor> {
  let end = 0;
  return new Map(
    drafts.map(({ name, dtype, shape, segments }) => {
      const bytes = tensorBytes(dtype, shape);
      if (bytes === undefined) throw new CheckpointError(`tensor "${name}": [${shape}] is too large`);
      const begin = end;
      end += bytes;
      return [name, { dtype, shape, data_offsets: [begin, end] as const, segments }];
    }),
  );
}

/** FNV-1a of the name, mixed with the seed; 32 bits. */
function nameSeed(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
