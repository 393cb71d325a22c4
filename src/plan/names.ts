import type { Checkpoint, CheckpointTensor } from "../checkpoint/checkpoint.js";
import { CheckpointError } from "../errors.js";

/** A tensor of the source and the name that it gets. */
export interface SourceTensor {
  /** Name in the result. */
  readonly name: string;
  /** Name in the source. */
  readonly sourceName: string;
  /** Name below the base model (`embeddings.word_embeddings.weight`); undefined for a head's and unknown ones. */
  readonly baseName: string | undefined;
  readonly stored: CheckpointTensor;
}

/** The source's tensors by their names in the result. */
export type SourceTensors = ReadonlyMap<string, SourceTensor>;

/** TensorFlow's names for a LayerNorm's weight and bias, which old checkpoints still have. */
const OLD_NAMES: Readonly<Record<string, string>> = { gamma: "weight", beta: "bias" };

/**
 * Gives every tensor its name in the result. A base model's tensors are known by the prefix or, where a
 * checkpoint has none, by the modules that the base model consists of.
 * @param prefix `bert.`
 * @param baseModules first path segments of the base model's tensors (`embeddings`, `encoder` …)
 * @param targetPrefix `bert.` for a class with a head, empty for the base class, undefined to leave prefixes alone
 * @throws CheckpointError if two tensors would get the same name.
 */
export function nameTensors(
  checkpoint: Checkpoint,
  prefix: string,
  baseModules: ReadonlySet<string>,
  targetPrefix: string | undefined,
): SourceTensors {
  const named = new Map<string, SourceTensor>();
  for (const [sourceName, stored] of checkpoint.tensors) {
    const modern = modernName(sourceName);
    const hasPrefix = modern.startsWith(prefix);
    const inner = hasPrefix ? modern.slice(prefix.length) : modern;
    const baseName = hasPrefix || baseModules.has(inner.split(".", 1)[0] ?? "") ? inner : undefined;
    const name = baseName === undefined || targetPrefix === undefined ? modern : targetPrefix + baseName;
    const other = named.get(name);
    if (other) {
      throw new CheckpointError(
        `tensors "${other.sourceName}" and "${sourceName}" are both "${name}" in the result`,
        "The checkpoint holds the same weight under two names: save it again with transformers.",
      );
    }
    named.set(name, { name, sourceName, baseName, stored });
  }
  return named;
}

function modernName(name: string): string {
  const dot = name.lastIndexOf(".");
  const last = name.slice(dot + 1);
  return Object.hasOwn(OLD_NAMES, last) ? `${name.slice(0, dot + 1)}${OLD_NAMES[last]}` : name;
}
