import { type Architecture, stacksOf } from "../architectures/architecture.js";
import { taskOf } from "../architectures/tasks.js";
import { lsgRow } from "../attention/lsg.js";
import type { Checkpoint, Config } from "../checkpoint/checkpoint.js";
import { basePrefixOf, type ModelClass, requestedClass, sourceClass } from "./classes.js";
import { checkConvertible, mergeKwargs } from "./config.js";
import { headTensors, knownNames } from "./known-names.js";
import type { Modules } from "./modules.js";
import { aliasedWordEmbeddings, modernName, nameTensors, type SourceTensors } from "./names.js";
import { refuseQuantised } from "./refuse-quantised.js";
import { refuseWrapped } from "./refuse-wrapped.js";
import { baseModules, configLabels, headSpecs, poolerSpecs, readSizes, type Sizes } from "./tensor-specs.js";

/** A checkpoint seen through its architecture. */
export interface Model {
  readonly architecture: Architecture;
  readonly config: Config;
  readonly isLsg: boolean;
  /** The class that the weights belong to. */
  readonly source: ModelClass;
  /** The class that is wanted; mostly the same. */
  readonly target: ModelClass;
  /** Sizes of the target. */
  readonly sizes: Sizes;
  /** Whether weights that may be shared are shared (`tie_word_embeddings`). */
  readonly tied: boolean;
  /** What follows the transformer of a sentence-transformers model; only of models that were opened with them. */
  readonly modules?: Modules | undefined;
  /** By the names that the target gives them. */
  readonly tensors: SourceTensors;
  /** Names in the source of tensors that have none in the target, whose base model has it for its own. */
  readonly displaced: readonly string[];
}

/**
 * Finds out what a checkpoint is: its class, sizes and tensors.
 * @param wanted the class to see it as (`--architecture`), and config keys to set first
 * @throws CheckpointError or OptionError if config, tensors and wishes do not fit together.
 */
export function describeModel(
  checkpoint: Checkpoint,
  architecture: Architecture,
  wanted: { className?: string | undefined; kwargs?: Readonly<Record<string, unknown>> } = {},
): Model {
  const config = mergeKwargs(checkpoint.config, wanted.kwargs ?? {});
  checkConvertible(config, architecture);
  refuseQuantised(checkpoint);
  refuseWrapped(checkpoint, architecture);
  const sourceSizes = readSizes(architecture, config, configLabels(config));
  const names = new Set([...checkpoint.tensors.keys()].map(modernName));
  const tied = config.tie_word_embeddings !== false;
  const source = sourceClass(architecture, config, headTensors(names, architecture, sourceSizes, tied));
  const target = wanted.className === undefined ? source : requestedClass(architecture, wanted.className);
  const ownLabels =
    target.className === source.className ? undefined : target.head && taskOf(target.head).labels;
  const sizes = { ...sourceSizes, labels: ownLabels ?? sourceSizes.labels };
  const alias = tied ? aliasedWordEmbeddings(names, architecture) : undefined;
  const { tensors, displaced } = nameTensors(checkpoint, {
    prefix: `${architecture.basePrefix}.`,
    ...knownNames(architecture, sizes),
    words: stacksOf(architecture)
      .flatMap(({ embeddings: { wordCopy } }) => wordCopy ?? [])
      .concat(architecture.encoder.embeddings.word),
    baseModules: baseModules(architecture, sizes),
    targetPrefix: basePrefixOf(target, architecture),
    alias:
      alias === undefined
        ? undefined
        : { sourceName: alias, baseName: `${architecture.encoder.embeddings.word}.weight` },
  });
  return {
    architecture,
    config,
    isLsg: lsgRow.marks(config),
    source,
    target,
    sizes,
    tied,
    tensors,
    displaced,
  };
}

/** Whether a model's inputs say of which type each token is. */
export function readsTokenTypes({ architecture, sizes }: Pick<Model, "architecture" | "sizes">): boolean {
  const { kind } = architecture.encoder.embeddings.types;
  return kind === "input" || kind === "input and task" || (kind === "input of several" && sizes.types > 1);
}

/** Whether a checkpoint holds what its class computes its outputs with, behind the base model. */
export function holdsOwnHead({ architecture, source, sizes, tensors, tied }: Model): boolean {
  const { head } = source;
  if (!head) return false;
  const pools = Object.values(head.outputs).some(({ from }) => from === "pooler");
  const names = new Set([...tensors.values()].flatMap(({ name, baseName = name }) => [name, baseName]));
  return [...(pools ? poolerSpecs(architecture, sizes) : []), ...headSpecs(architecture, head, sizes)]
    .filter(({ optional, tiedTo, ownUnlessTied }) => !optional && !(tiedTo && (tied || !ownUnlessTied)))
    .every(({ name }) => names.has(name));
}
