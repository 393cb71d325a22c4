import { type Architecture, stacksOf } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { CheckpointTensor } from "../checkpoint/weight-file.js";
import { baseSpecs, headSpecs, poolerSpecs, type Sizes } from "./tensor-specs.js";

/** A tensor of the source and the name that it gets. */
export interface SourceTensor {
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

/** What tensors are named by. */
interface Naming {
  readonly architecture: Architecture;
  readonly sizes: Sizes;
  /** `bert.` for a class with a head, empty for the base class, undefined to leave prefixes alone. */
  readonly targetPrefix: string | undefined;
  /** Whether word embeddings may stand under the name of a copy. */
  readonly tied: boolean;
}

/** Names of what the classes of a model type have. */
interface KnownNames {
  /** Tensors of the base model, by their names below it. */
  readonly baseNames: ReadonlySet<string>;
  /** First path segments of the base model's tensors (`embeddings`, `encoder` …). */
  readonly baseModules: ReadonlySet<string>;
  /** LayerNorms: the base model's by their names below it, and those of all heads. */
  readonly norms: ReadonlySet<string>;
}

export function knownNames(architecture: Architecture, sizes: Sizes): KnownNames {
  const base = [...baseSpecs(architecture, sizes), ...poolerSpecs(architecture, sizes)];
  const { global } = architecture.encoder.embeddings;
  const heads = Object.values(architecture.heads).flatMap((head) => headSpecs(architecture, head, sizes));
  const norms = [...base, ...heads].filter(({ initial }) => initial === "ones");
  const names = base.map(({ name }) => name);
  return {
    baseNames: new Set([...names, ...(global === undefined ? [] : [`${global}.weight`])]),
    baseModules: new Set(names.map((name) => name.split(".", 1)[0] ?? name)),
    norms: new Set(norms.map(({ name }) => name.slice(0, -".weight".length))),
  };
}

/** The tensors that have a name in the result, and those that cannot have theirs. */
interface NamedTensors {
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
  const { architecture, sizes, targetPrefix, tied } = naming;
  const { baseNames, baseModules, norms } = knownNames(architecture, sizes);
  const { word } = architecture.encoder.embeddings;
  const prefix = `${architecture.basePrefix}.`;
  // Modules that may hold the word embeddings: one of them is in every checkpoint.
  const words = [...stacksOf(architecture).flatMap(({ embeddings }) => embeddings.wordCopy ?? []), word];
  const isPrefixed = words.some((module) => checkpoint.tensors.has(`${prefix}${module}.weight`));
  const alias = tied ? aliasedWordEmbeddings(modernNames(checkpoint), architecture) : undefined;
  const named = new Map<string, SourceTensor>();
  const displaced: string[] = [];
  const all = [...checkpoint.tensors].map(([sourceName, stored]) => {
    const module = withoutPrefix(sourceName.slice(0, sourceName.lastIndexOf(".")), architecture);
    // What a head of the checkpoint's own calls gamma keeps its name.
    const modern = norms.has(module) ? modernName(sourceName) : sourceName;
    const hasPrefix = modern.startsWith(prefix);
    const inner = withoutPrefix(modern, architecture);
    // Beside a base model with the prefix, modules without it are a head's own, whatever they are called.
    const isBare = isPrefixed
      ? baseNames.has(inner) && !checkpoint.tensors.has(prefix + inner)
      : baseModules.has(inner.split(".", 1)[0] ?? "");
    const baseName = sourceName === alias ? `${word}.weight` : hasPrefix || isBare ? inner : undefined;
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
function aliasedWordEmbeddings(
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

/** The names of a checkpoint's tensors as transformers writes them today. */
export function modernNames({ tensors }: Pick<Checkpoint, "tensors">): ReadonlySet<string> {
  return new Set([...tensors.keys()].map(modernName));
}

/** A name below the base model, if it is prefixed. */
export function withoutPrefix(name: string, { basePrefix }: Architecture): string {
  const prefix = `${basePrefix}.`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}
