import type { Architecture } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import type { Checkpoint, CheckpointTensor } from "../checkpoint/checkpoint.js";

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

/** How tensors are named. */
export interface Naming {
  /** `bert.` */
  readonly prefix: string;
  /** First path segments of the base model's tensors (`embeddings`, `encoder` …). */
  readonly baseModules: ReadonlySet<string>;
  /** `bert.` for a class with a head, empty for the base class, undefined to leave prefixes alone. */
  readonly targetPrefix: string | undefined;
  /** A tensor of the source that has another name below the base model, and that name. */
  readonly alias: { readonly sourceName: string; readonly baseName: string } | undefined;
}

/**
 * Gives every tensor its name in the result. A base model's tensors are known by the prefix or, where a
 * checkpoint has none, by the modules that the base model consists of.
 * @throws CheckpointError if two tensors would get the same name.
 */
export function nameTensors(
  checkpoint: Checkpoint,
  { prefix, baseModules, targetPrefix, alias }: Naming,
): SourceTensors {
  const named = new Map<string, SourceTensor>();
  for (const [sourceName, stored] of checkpoint.tensors) {
    const modern = modernName(sourceName);
    const hasPrefix = modern.startsWith(prefix);
    const inner = hasPrefix ? modern.slice(prefix.length) : modern;
    const isAlias = sourceName === alias?.sourceName;
    const isBase = isAlias || hasPrefix || baseModules.has(inner.split(".", 1)[0] ?? "");
    const baseName = isAlias ? alias.baseName : isBase ? inner : undefined;
    const ownPrefix = targetPrefix ?? (hasPrefix ? prefix : "");
    const name = baseName === undefined ? modern : ownPrefix + baseName;
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

/**
 * The tensor that holds the word embeddings under another name than their first, and not under that one.
 * Encoder-decoders have up to four names for them, and which one is written differs between versions of
 * transformers.
 * @returns its name in the source
 */
export function aliasedWordEmbeddings(
  names: ReadonlySet<string>,
  { basePrefix, encoder, decoder, heads }: Architecture,
): string | undefined {
  const { word, wordCopy } = encoder.embeddings;
  const spellings = (module: string) => [`${basePrefix}.${module}.weight`, `${module}.weight`];
  if (wordCopy === undefined || spellings(word).some((name) => names.has(name))) return undefined;
  const steps = Object.values(heads).flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ chain }) => chain),
  );
  const outputs = steps.flatMap((step) =>
    typeof step !== "string" && step.kind === "decoder" ? [step.name] : [],
  );
  const copies = [wordCopy, decoder?.embeddings.wordCopy ?? wordCopy, ...outputs];
  return copies.flatMap(spellings).find((name) => names.has(name));
}

/** A name as transformers writes it today. */
export function modernName(name: string): string {
  const dot = name.lastIndexOf(".");
  const last = name.slice(dot + 1);
  return Object.hasOwn(OLD_NAMES, last) ? `${name.slice(0, dot + 1)}${OLD_NAMES[last]}` : name;
}
