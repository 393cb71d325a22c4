import type { Architecture } from "../architectures/architecture.js";
import { classNameOf } from "../architectures/class-names.js";
import { isBase } from "../architectures/tasks.js";
import { CheckpointError } from "../base/errors.js";
import { basePrefixOf } from "../model/classes.js";
import type { Model } from "../model/model.js";
import type { SourceTensor, SourceTensors } from "../model/names.js";
import { adapterRemedy, ownComputation } from "../model/own-computation.js";
import { BUFFERS, layerCounts } from "../model/strangers.js";
import { checkShape, classSpecs, headSpecs, sameShape, type TensorSpec } from "../model/tensor-specs.js";
import type { ConversionOptions } from "../options/options.js";
import { isFloatDtype } from "../safetensors/dtype.js";
import { copyOf, newTensor } from "./tensors.js";
import type { DroppedTensor, TensorDraft } from "./types.js";

/** How the tensors that are there become those that the target class has. */
export interface Reconciliation {
  readonly created: readonly TensorDraft[];
  /**
   * What is written too and is nothing new: copies under a second name, of what transformers 5 does not share
   * where weights are not tied, and the zeros of a new head's buffer.
   */
  readonly implied: readonly TensorDraft[];
  readonly dropped: readonly DroppedTensor[];
}

/** With `architecture` the target's head is created where the source lacks it. */
type ReconcileOptions = Pick<ConversionOptions, "architecture" | "seed">;

/**
 * Holds the source's tensors against what the classes have: proves that the base model is complete, creates
 * what a new head needs and drops the old head. Tensors that no class knows stay.
 * @throws CheckpointError naming the tensor that is missing or has a wrong shape.
 */
export function reconcile(model: Model, { architecture: named, seed }: ReconcileOptions): Reconciliation {
  const { architecture, tensors, source, target, sizes, tied } = model;
  const mayCreate = named !== undefined;
  const newHead = target.className !== source.className;
  const specs = classSpecs(
    architecture,
    target.head,
    sizes,
    basePrefixOf(target, architecture) ?? prefixIn(tensors, architecture),
  );
  const wanted = new Map(specs.map((spec) => [spec.name, spec]));
  const dropped = [
    ...buffers(tensors),
    ...(tied ? tiedCopies(tensors, wanted) : []),
    ...(newHead ? oldHead(model, wanted) : []),
  ];
  const gone = new Set(dropped.map(({ name }) => name));

  const created: TensorDraft[] = [];
  const implied: TensorDraft[] = [];
  for (const spec of specs) {
    const found = tensors.get(spec.name);
    const twin = spec.ownUnlessTied && !tied ? undefined : twinOf(spec, specs, tensors);
    if (found && !gone.has(found.sourceName)) {
      checkShape(found, spec, () => foreignTo(model));
    } else if (twin) {
      if (!tied) implied.push({ ...copyOf(twin), name: spec.name });
    } else if (spec.optional) {
      if (newHead && spec.part === "head") {
        implied.push(newTensor(spec, headDtype(tensors), seed, sizes.initializerRange));
      }
    } else if (!(tied && spec.tiedTo !== undefined) && !(isOptionalPooler(spec, model) && !mayCreate)) {
      if (!mayCreate || spec.part === "base") throw missing(spec, model);
      created.push(newTensor(spec, headDtype(tensors), seed, sizes.initializerRange));
    }
  }
  return { created, implied, dropped };
}

/** The prefix that a checkpoint of an unknown class has. */
function prefixIn(tensors: SourceTensors, architecture: Architecture): string {
  const prefix = `${architecture.basePrefix}.`;
  return tensors.has(`${prefix}${architecture.encoder.embeddings.word}.weight`) ? prefix : "";
}

function buffers(tensors: SourceTensors): DroppedTensor[] {
  return [...tensors.values()]
    .filter(({ baseName, stored }) => BUFFERS.includes(baseName ?? "") && !isFloatDtype(stored.dtype))
    .map(({ sourceName }) => ({ name: sourceName, reason: "a buffer that transformers computes anew" }));
}

/** Tensors that a `.bin` file holds twice by one storage; transformers ties them when it loads. */
function tiedCopies(tensors: SourceTensors, wanted: ReadonlyMap<string, TensorSpec>): DroppedTensor[] {
  return [...tensors.values()].flatMap(({ name, sourceName, stored }) => {
    const original = tensors.get(wanted.get(name)?.tiedTo ?? "");
    return original && stored.storage !== undefined && stored.storage === original.stored.storage
      ? [{ name: sourceName, reason: `the same storage as "${original.sourceName}", tied when loaded` }]
      : [];
  });
}

/** What belongs to the source's head and has no place in the target. */
function oldHead(
  { architecture, tensors, source, target, sizes }: Model,
  wanted: ReadonlyMap<string, TensorSpec>,
): DroppedTensor[] {
  if (!source.head) return [];
  return headSpecs(architecture, source.head, sizes).flatMap(({ name }) => {
    const found = tensors.get(name);
    const spec = wanted.get(name);
    if (!found || (spec && sameShape(spec.shape, found.stored.shape))) return [];
    return [
      { name: found.sourceName, reason: `head of ${source.className}; the result is a ${target.className}` },
    ];
  });
}

/** The base class works without its pooler, and many checkpoints come without it. */
function isOptionalPooler(spec: TensorSpec, { target }: Model): boolean {
  return spec.part === "pooler" && target.head !== undefined && isBase(target.head);
}

/** The tensor that stands for a missing one: what it is tied to, or what is tied to it. */
function twinOf(
  spec: TensorSpec,
  specs: readonly TensorSpec[],
  tensors: SourceTensors,
): SourceTensor | undefined {
  const names = [spec.tiedTo, ...specs.filter(({ tiedTo }) => tiedTo === spec.name).map(({ name }) => name)];
  return names.map((name) => tensors.get(name ?? "")).find((tensor) => tensor !== undefined);
}

/** New heads take the dtype of most tensors. */
export function headDtype(tensors: SourceTensors): TensorDraft["dtype"] {
  const counts = new Map<TensorDraft["dtype"], number>();
  for (const { stored } of tensors.values()) {
    if (isFloatDtype(stored.dtype)) counts.set(stored.dtype, (counts.get(stored.dtype) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? "F32";
}

function missing(spec: TensorSpec, model: Model): CheckpointError {
  const { target, architecture, source } = model;
  const className = source === target ? (source.headless ?? target.className) : target.className;
  const { found, counted, key } = layerCounts(model);
  const message = `tensor "${spec.name}" is missing; ${className} needs it (shape [${spec.shape}])`;
  const foreign = foreignTo(model);
  if (foreign !== undefined) return new CheckpointError(message, foreign);
  if (spec.part !== "base") {
    return new CheckpointError(
      message,
      `Name the class to write: --architecture ${classNameOf(architecture, "Model")} for the base model alone, ` +
        `or --architecture ${className} for a new, untrained head.`,
    );
  }
  return found > 0 && found < counted
    ? new CheckpointError(
        `${message}: the weights have ${found} layers, config.json says ${counted} (${key})`,
        `If these are all: --model-kwargs '{"${key}": ${found}}'.`,
      )
    : new CheckpointError(message, "The checkpoint is incomplete.");
}

/** Why a checkpoint need not have the tensors that transformers' class has; undefined where it should. */
function foreignTo(model: Model): string | undefined {
  const adapter = adapterRemedy([...model.tensors.values()].map(({ sourceName }) => sourceName));
  if (adapter !== undefined) return `The weights hold an adapter. ${adapter}`;
  const own = ownComputation(model);
  return own && `It is no ${model.architecture.title} as transformers has it: ${own.why}.`;
}
