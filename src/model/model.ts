import type { Architecture, TokenTypes } from "../architectures/architecture.js";
import { taskOf } from "../architectures/tasks.js";
import { lsgRow } from "../attention/lsg.js";
import {
  type Attention,
  attentionOf,
  isLocal,
  type LocalAttention,
  outgrowsTable,
  seenInFull,
} from "../attention/variants.js";
import { CheckpointError } from "../base/errors.js";
import { once } from "../base/once.js";
import type { Checkpoint, Config } from "../checkpoint/checkpoint.js";
import type { TransferOptions } from "../checkpoint/file-source.js";
import { basePrefixOf, type ModelClass, requestedClass, sourceClass } from "./classes.js";
import { mergeKwargs } from "./config.js";
import { type Modules, readModules } from "./modules.js";
import { nameTensors, type SourceTensors } from "./names.js";
import { type PositionTable, positionTable } from "./positions.js";
import { refuseUncomputable } from "./refusals.js";
import { type Stranger, strangersOf } from "./strangers.js";
import { headSpecs, isTied, ownSpecs, poolerSpecs, readSizes, type Sizes } from "./tensor-specs.js";

/** Contents of the side files that decide something, by path. */
export type Contents = ReadonlyMap<string, Buffer>;

export interface Wanted {
  /** The class (`--architecture`); by default its own. */
  readonly className?: string | undefined;
  /** Config keys to set first (`--model-kwargs`). */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * A checkpoint seen through its architecture: what `OpenedModel` gives. Its methods read or compute once, and throw what is
 * wrong with that part alone.
 */
export interface Model {
  readonly checkpoint: Checkpoint;
  readonly architecture: Architecture;
  readonly config: Config;
  /** Whether it is LSG already, ours or lsg-converter's. */
  readonly isLsg: boolean;
  /** Whether no token sees a later one. */
  readonly isCausal: boolean;
  /** The class that the weights belong to. */
  readonly source: ModelClass;
  /** The class that is wanted; mostly the same. */
  readonly target: ModelClass;
  readonly sizes: Sizes;
  /** Whether weights that may be shared are shared (`tie_word_embeddings`). */
  readonly tied: boolean;
  /** Whether inputs say of which type each token is. */
  readonly readsTokenTypes: boolean;
  /** By the names that the target gives them. */
  readonly tensors: SourceTensors;
  /** Names in the source of tensors that have none in the target, whose base model has it for its own. */
  readonly displaced: readonly string[];
  /** What follows the transformer of a sentence-transformers model, as `withModules` reads it. */
  readonly modules?: Modules | undefined;
  /** Why modules that are there have no place in a graph. */
  readonly modulesLeftOut?: string | undefined;
  /** @throws CheckpointError or OptionError for keys that make none */
  attention(): Attention;
  /** The encoder's. @throws CheckpointError if there is no table, or no position in it */
  positions(): PositionTable;
  /** Tensors that its class lacks: transformers would ignore them. */
  strangers(): readonly Stranger[];
  /** Whether the checkpoint holds what its class computes its outputs with, behind the base model. */
  holdsOwnHead(): boolean;
  contents(): Promise<Contents>;
  /**
   * The same with what follows the transformer in a sentence-transformers folder, or in a ColBERT: its tensors are among
   * the checkpoint's.
   * @throws CheckpointError if a module's files are damaged or its tensors are missing
   */
  withModules(): Promise<Model>;
  /** The same checkpoint as something else, whatever this one was wanted as. @throws as `modelOf` */
  as(wanted: Wanted): Model;
}

/** A model whose tokens see a part of the others only: what a conversion makes. */
export interface LocalModel extends Model {
  attention(): LocalAttention;
}

/** @throws as `attention` */
export function isLocalModel(model: Model): model is LocalModel {
  return isLocal(model.attention());
}

interface ReadParts {
  readonly checkpoint: Checkpoint;
  readonly architecture: Architecture;
  readonly contents: () => Promise<Contents>;
  readonly transfer: TransferOptions;
}

/**
 * Finds out what a checkpoint is: its class, sizes and tensors.
 * @throws CheckpointError or OptionError if config, tensors and wishes do not fit together.
 */
export function modelOf(read: ReadParts, wanted: Wanted): Model {
  const { checkpoint, architecture, contents, transfer } = read;
  const config = mergeKwargs(checkpoint.config, wanted.kwargs ?? {});
  refuseUncomputable(checkpoint, config, architecture);
  const sourceSizes = readSizes(architecture, config);
  const source = sourceClass({ ...checkpoint, config }, architecture, sourceSizes);
  const target = wanted.className === undefined ? source : requestedClass(architecture, wanted.className);
  const ownLabels =
    target.className === source.className ? undefined : target.head && taskOf(target.head).labels;
  const sizes = { ...sourceSizes, labels: ownLabels ?? sourceSizes.labels };
  const tied = isTied(config);
  const targetPrefix = basePrefixOf(target, architecture);
  const described = {
    ...{ checkpoint, architecture, config, isLsg: lsgRow.marks(config), source, target, sizes, tied },
    isCausal: config.is_decoder === true,
    ...nameTensors(checkpoint, { architecture, sizes, tied, targetPrefix }),
  };
  return {
    ...described,
    readsTokenTypes: readsTokenTypes(architecture, sizes),
    attention: once(() => fittingAttention(described)),
    positions: once(() => positionTable(described)),
    strangers: once(() => strangersOf(described)),
    holdsOwnHead: once(() => holdsOwnHead(described)),
    contents,
    withModules: once(async () => {
      const found = await readModules(checkpoint, sizes.hidden, transfer);
      const whole = modelOf({ ...read, checkpoint: found.checkpoint }, wanted);
      return { ...whole, modules: found.modules, modulesLeftOut: found.reason };
    }),
    as: (other) => modelOf(read, other),
  };
}

/** Whether inputs say of which type each token is, by the kind of table. */
const READS_TYPES: Readonly<Record<TokenTypes["kind"], boolean | "where there are several">> = {
  none: false,
  "first row": false,
  input: true,
  "input of several": "where there are several",
  "input and task": true,
};

function readsTokenTypes({ encoder }: Architecture, sizes: Sizes): boolean {
  const reads = READS_TYPES[encoder.embeddings.types.kind];
  return reads === "where there are several" ? sizes.types > 1 : reads;
}

type Described = Pick<Model, "architecture" | "source" | "sizes" | "tensors" | "tied">;

function holdsOwnHead({ architecture, source: { head }, sizes, tensors, tied }: Described): boolean {
  if (!head) return false;
  const pools = Object.values(head.outputs).some(({ from }) => from === "pooler");
  const specs = [...(pools ? poolerSpecs(architecture, sizes) : []), ...headSpecs(architecture, head, sizes)];
  const names = new Set([...tensors.values()].flatMap(({ name, baseName = name }) => [name, baseName]));
  return ownSpecs(specs, tied).every(({ name }) => names.has(name));
}

/** @throws CheckpointError also for windows that are longer than the table of positions, which each of them begins anew */
function fittingAttention(
  model: Parameters<typeof attentionOf>[0] & Parameters<typeof positionTable>[0],
): Attention {
  const attention = attentionOf(model);
  if (!outgrowsTable(attention)) return attention;
  const [size, { maxLength }] = [seenInFull(attention), positionTable(model)];
  if (size <= maxLength) return attention;
  throw new CheckpointError(
    `config.json: window_size is ${size}, and the weights have ${maxLength} positions`,
    `Set it to ${maxLength}, or convert the original again.`,
  );
}
