import type { Architecture, Head } from "../architectures/architecture.js";
import { classKeyOf, classNameOf, classNames, configClass } from "../architectures/class-names.js";
import { isBase } from "../architectures/tasks.js";
import { codeOf, codePrefixes, type Variant } from "../attention/variants.js";
import { CheckpointError, OptionError } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import { modernNames } from "./names.js";
import { headSpecs, isTied, ownSpecs, type Sizes } from "./tensor-specs.js";

/** The class that a conversion starts from or writes. */
export interface ModelClass {
  /** transformers' name, without the prefix of a variant. */
  readonly className: string;
  /** Undefined for a class that we don't know: its base model is converted, the rest is carried along. */
  readonly head: Head | undefined;
  /** The class that config.json names, where the checkpoint holds nothing of its head and is the base model alone. */
  readonly headless?: string;
}

/** What becomes of a checkpoint that lacks the head which its config names; nothing where that is not so. */
export function headlessNotes({ className, headless }: ModelClass, done: "converted" | "exported"): string[] {
  if (headless === undefined) return [];
  return [
    `config.json names ${headless}, of whose head the weights have nothing: the base model is ${done} ` +
      `(${className}), which is what AutoModel and sentence-transformers open.`,
  ];
}

/**
 * The class that a checkpoint's weights belong to: what its config names, else the one with the largest head
 * that the checkpoint holds. Where config.json names a class and no tensor of its head is there, the checkpoint is opened
 * as the base model.
 */
export function sourceClass(
  { config, tensors }: Pick<Checkpoint, "config" | "tensors">,
  architecture: Architecture,
  sizes: Sizes,
): ModelClass {
  const names = modernNames({ tensors });
  const specs = (head: Head) => headSpecs(architecture, head, sizes);
  const named = configClass(config);
  refuseClass(architecture, named ?? "", "config.json: architectures");
  if (named !== undefined) {
    const known = knownClass(architecture, named);
    if (!known) return { className: named, head: undefined };
    const own = known.head ? ownSpecs(specs(known.head), isTied(config)) : [];
    if (own.length === 0 || own.some(({ name }) => names.has(name))) return known;
    const base = { className: classNameOf(architecture, "Model"), head: architecture.heads.Model };
    return { ...base, headless: known.className };
  }
  const holds = (head: Head) =>
    specs(head).every(({ name, tiedTo }) => tiedTo !== undefined || names.has(name));
  const heads = Object.entries(architecture.heads).filter(([, head]) => holds(head));
  heads.sort(([, a], [, b]) => Object.keys(b.outputs).length - Object.keys(a.outputs).length);
  const [key, head] = heads[0] ?? ["Model", architecture.heads.Model];
  return { className: classNameOf(architecture, key), head };
}

/** The class that `--architecture` asks for. @throws OptionError listing the known ones. */
export function requestedClass(architecture: Architecture, className: string): ModelClass {
  refuseClass(architecture, className, "--architecture");
  const known = knownClass(architecture, className);
  // Who asks for a relative's class may take the model for another.
  if (known?.className === plainClass(className)) return known;
  throw new OptionError(
    `--architecture ${className}: ${architecture.title} has no such class`,
    `Known: ${classNames(architecture).join(", ")}.`,
  );
}

/** What a class's base tensors begin with; undefined for an unknown class, whose names are left alone. */
export function basePrefixOf({ head }: ModelClass, architecture: Architecture): string | undefined {
  if (!head) return undefined;
  return isBase(head) ? "" : `${architecture.basePrefix}.`;
}

/** The class that transformers opens, without LSG: for one that is not known its base model's. */
export function openedClass(className: string, architecture: Architecture): string {
  return knownClass(architecture, className)?.className ?? classNameOf(architecture, "Model");
}

/**
 * What config.json calls the class of a converted checkpoint: transformers' class, behind the prefix of classes that come
 * with it. A ColBERT keeps its name, by which its readers know it; transformers opens what auto_map says, whatever the name.
 */
export function resultClass(variant: Variant, className: string, architecture: Architecture): string {
  if (className === COLBERT_CLASS) return className;
  return (codeOf(variant)?.prefix ?? "") + openedClass(className, architecture);
}

/** What a class of that name computes, with or without LSG before it; undefined for one that is not known. */
export function headOf(architecture: Architecture, className: string): Head | undefined {
  return knownClass(architecture, className)?.head;
}

function knownClass(architecture: Architecture, className: string): ModelClass | undefined {
  const key = classKeyOf(architecture, plainClass(className)) ?? "";
  const head = Object.hasOwn(architecture.heads, key) ? architecture.heads[key] : undefined;
  return head && { className: classNameOf(architecture, key), head };
}

/** @throws CheckpointError with the reason for a class that cannot be converted. */
function refuseClass(architecture: Architecture, className: string, where: string): void {
  const reason = architecture.refused?.[classKeyOf(architecture, plainClass(className)) ?? ""];
  if (reason === undefined) return;
  throw new CheckpointError(
    `${where} says ${className}, which cannot be converted: ${reason}`,
    `Classes that can be: ${classNames(architecture).join(", ")}.`,
  );
}

/** A class's name in transformers. */
export function plainClass(className: string): string {
  const prefix = codePrefixes().find((one) => className.startsWith(one)) ?? "";
  return className.slice(prefix.length);
}
