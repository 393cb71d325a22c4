import { type Architecture, type Head, stacksOf } from "../architectures/architecture.js";
import type { Checkpoint, Config } from "../checkpoint/checkpoint.js";
import { baseModules, holdsHead } from "../plan/reconcile.js";
import { basePrefixOf, isLsgConfig, type ModelClass, requestedClass, sourceClass } from "./classes.js";
import { checkConvertible, mergeKwargs } from "./config.js";
import { knownNames, ownHeadNames } from "./known-names.js";
import type { Modules } from "./modules.js";
import { aliasedWordEmbeddings, nameTensors, type SourceTensors } from "./names.js";
import { configLabels, readSizes, type Sizes } from "./tensor-specs.js";

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
  const sourceSizes = readSizes(architecture, config, configLabels(config));
  const names = new Set(checkpoint.tensors.keys());
  const tied = config.tie_word_embeddings !== false;
  const own = (head: Head) => ownHeadNames(architecture, head, { sizes: sourceSizes, tied });
  const source = sourceClass(architecture, config, {
    holds: (head) => holdsHead(names, architecture, head, sourceSizes),
    lacks: (head) => own(head).length > 0 && !own(head).some((name) => names.has(name)),
  });
  const target = wanted.className === undefined ? source : requestedClass(architecture, wanted.className);
  const ownLabels = target.className === source.className ? undefined : target.head?.labels;
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
    isLsg: isLsgConfig(config),
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
  const { usesTokenTypes } = architecture.encoder.embeddings;
  return usesTokenTypes === "several" ? sizes.types > 1 : usesTokenTypes && sizes.types > 0;
}
