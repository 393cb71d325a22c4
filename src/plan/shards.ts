import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { CheckpointTensor } from "../checkpoint/weight-file.js";
import { sameShape } from "../model/tensor-specs.js";
import { serializeHeader } from "../safetensors/header.js";
import { layOut } from "./tensors.js";
import type { PlannedShard, PlannedTensor, TensorDraft } from "./types.js";

const SINGLE_FILE = "model.safetensors";

/** The index of a checkpoint with several shards. */
export const INDEX_FILE = "model.safetensors.index.json";

/** A tensor to be written and where in the source its place is. */
export interface PlacedDraft {
  readonly draft: TensorDraft;
  /** It stands where this tensor stood, or right behind it if that place is taken. */
  readonly at: CheckpointTensor;
}

/** Shards like the source's: the same files, the same order of tensors, so that whole runs can be copied. */
export function planShards({ weightFiles }: Checkpoint, placed: readonly PlacedDraft[]): PlannedShard[] {
  return weightFiles.map(({ path, metadata: own }) => {
    const metadata = withFormat(own);
    const drafts = placed.filter(({ at }) => at.file === path).sort((a, b) => a.at.begin - b.at.begin);
    return {
      file: weightFiles.length === 1 ? SINGLE_FILE : shardName(path),
      metadata,
      tensors: layOut(drafts.map(({ draft }) => draft)),
    };
  });
}

/**
 * A shard that names the source's file which it would repeat, tensor for tensor and in their places: that need only be
 * copied. Its header may be spelt otherwise than ours.
 */
export function withOrigin(shard: PlannedShard, { weightFiles, tensors: stored }: Checkpoint): PlannedShard {
  const { tensors, metadata } = shard;
  const [name = ""] = tensors.keys();
  const first = stored.get(name);
  const path = first?.file;
  const own = weightFiles.find((file) => file.path === path);
  const isKept = ([name, planned]: [string, PlannedTensor]) => {
    const tensor = stored.get(name);
    const [segment, ...others] = planned.segments;
    return (
      tensor !== undefined &&
      !tensor.kept &&
      tensor.file === path &&
      tensor.begin - (first?.begin ?? 0) === planned.data_offsets[0] &&
      tensor.dtype === planned.dtype &&
      sameShape(tensor.shape, planned.shape) &&
      others.length === 0 &&
      segment?.kind === "copy" &&
      segment.rows.tensor === name &&
      segment.rows.step === 1
    );
  };
  const isWhole =
    own?.format === "safetensors" &&
    own.metadata === metadata &&
    own.tensorNames.length === tensors.size &&
    own.tensorNames.every((stored) => tensors.has(stored)) &&
    [...tensors].every(isKept);
  return isWhole && path !== undefined ? { ...shard, copyOf: path } : shard;
}

/** transformers 4.40 opens no safetensors file that does not say for which library it is. */
function withFormat(metadata: PlannedShard["metadata"]): PlannedShard["metadata"] {
  return metadata?.get("format") === "pt" ? metadata : new Map([...(metadata ?? []), ["format", "pt"]]);
}

/** `pytorch_model-00001-of-00002.bin` → `model-00001-of-00002.safetensors`. */
function shardName(path: string): string {
  return path.replace(/^pytorch_model/, "model").replace(/\.(bin|safetensors)$/, ".safetensors");
}

/** The index that transformers reads for several shards. */
export function shardIndex(shards: readonly PlannedShard[]): string {
  const sizes = shards.flatMap(({ tensors }) =>
    [...tensors.values()].map(({ data_offsets: [begin, end] }) => end - begin),
  );
  const total_size = sizes.reduce((sum, size) => sum + size, 0);
  const places = shards.flatMap(({ file, tensors }) =>
    [...tensors.keys()].map((name) => [name, file] as const),
  );
  places.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ metadata: { total_size }, weight_map: Object.fromEntries(places) }, null, 2)}\n`;
}

/** Bytes that shards take on disk. */
export function totalBytes(shards: readonly PlannedShard[]): number {
  return shards.reduce((sum, shard) => sum + shardBytes(shard), 0);
}

function shardBytes({ tensors, metadata }: PlannedShard): number {
  const last = [...tensors.values()].at(-1);
  return serializeHeader(tensors, metadata).length + (last?.data_offsets[1] ?? 0);
}
