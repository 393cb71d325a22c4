import type { Architecture } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { CheckpointTensor } from "../checkpoint/weight-file.js";

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
  /** Modules below the base model that may hold the word embeddings: one of them is in every checkpoint. */
  readonly words: readonly string[];
  /** Tensors of the base model, by their names below it. */
  readonly baseNames: ReadonlySet<string>;
  /** LayerNorms of the base model and of the model type's heads. */
  readonly norms: ReadonlySet<string>;
  /** First path segments of the base model's tensors (`embeddings`, `encoder` …). */
  readonly baseModules: ReadonlySet<string>;
  /** `bert.` for a class with a head, empty for the base class, undefined to leave prefixes alone. */
  readonly targetPrefix: string | undefined;
  /** A tensor of the source that has another name below the base model, and that name. */
  readonly alias: { readonly sourceName: string; readonly baseName: string } | undefined;
}

/** The tensors that have a name in the result, and those that cannot have theirs. */
export interface NamedTensors {
  readonly tensors: SourceTensors;
  /** Names in the source of a head's tensors whose names the base class has for its own. */
  readonly displaced: readonly string[];
}

/**
 * Gives every tensor its name in the result. A base model's tensors are known by the prefix or, where a
 * checkpoint has none, by the modules that the base model consists of.
 * @throws CheckpointError if two tensors would get the same name.
 */
export function nameTensors(checkpoint: Checkpoint, naming: Naming): NamedTensors {
  const { prefix, baseNames, targetPrefix, alias } = naming;
  const isPrefixed = naming.words.some((module) => checkpoint.tensors.has(`${prefix}${module}.weight`));
  const named = new Map<string, SourceTensor>();
  const displaced: string[] = [];
  const all = [...checkpoint.tensors].map(([sourceName, stored]) => {
    const modern = isOfNorm(sourceName, naming) ? modernName(sourceName) : sourceName;
    const hasPrefix = modern.startsWith(prefix);
    const inner = hasPrefix ? modern.slice(prefix.length) : modern;
    const isAlias = sourceName === alias?.sourceName;
    // Beside a base model with the prefix, modules without it are a head's own, whatever they are called.
    const isBare = isPrefixed
      ? baseNames.has(inner) && !checkpoint.tensors.has(prefix + inner)
      : naming.baseModules.has(inner.split(".", 1)[0] ?? "");
    const baseName = isAlias ? alias.baseName : hasPrefix || isBare ? inner : undefined;
    const ownPrefix = targetPrefix ?? (hasPrefix ? prefix : "");
    const name = baseName === undefined ? modern : ownPrefix + baseName;
    return { name, sourceName, baseName, stored };
  });
  const taken = new Set(all.flatMap(({ name, baseName }) => (baseName === undefined ? [] : [name])));
  for (const tensor of all) {
    const { name, sourceName, baseName } = tensor;
    if (baseName === undefined && taken.has(name)) {
      displaced.push(sourceName);
      continue;
    }
    const other = named.get(name);
    if (other) {
      throw new CheckpointError(
        `tensors "${other.sourceName}" and "${sourceName}" are both "${name}" in the result`,
        "One of them is another module's, or the same weight once more: take it out of the weights.",
      );
    }
    named.set(name, tensor);
  }
  return { tensors: named, displaced };
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
    typeof step !== "string" && step.kind === "output" ? [step.name] : [],
  );
  const copies = [wordCopy, decoder?.embeddings.wordCopy ?? wordCopy, ...outputs];
  return copies.flatMap(spellings).find((name) => names.has(name));
}

/** A name as transformers writes it today, if it is a LayerNorm's. */
export function modernName(name: string): string {
  const dot = name.lastIndexOf(".");
  const last = name.slice(dot + 1);
  return Object.hasOwn(OLD_NAMES, last) ? `${name.slice(0, dot + 1)}${OLD_NAMES[last]}` : name;
}

/** Whether a tensor is a known LayerNorm's; what a head of the checkpoint's own calls gamma keeps its name. */
function isOfNorm(name: string, { prefix, norms }: Naming): boolean {
  const module = name.slice(0, name.lastIndexOf("."));
  return norms.has(module.startsWith(prefix) ? module.slice(prefix.length) : module);
}
