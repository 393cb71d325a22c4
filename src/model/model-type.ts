import type { Architecture } from "../architectures/architecture.js";
import { allArchitectures } from "../architectures/architectures.js";
import { classNames, configClass } from "../architectures/class-names.js";
import { CheckpointError, LsgError, OptionError } from "../base/errors.js";
import { type Checkpoint, CONFIG_FILE, type Config } from "../checkpoint/checkpoint.js";
import { statedModelType } from "../checkpoint/stated-model-type.js";
import { plainClass } from "./classes.js";
import { modernName } from "./names.js";
import { baseSpecs, headSpecs, poolerSpecs, readSizes, sameShape, type TensorSpec } from "./tensor-specs.js";

/** @throws OptionError for a `--model-type` that config.json contradicts */
export function refuseContradiction(config: Config, asked: string): void {
  const stated = statedModelType(config);
  if (stated === undefined || stated === asked) return;
  throw new OptionError(
    `--model-type ${asked}: ${CONFIG_FILE} says model_type ${JSON.stringify(stated)}`,
    `Leave --model-type out; or, if ${CONFIG_FILE} is wrong, correct it there.`,
  );
}

/**
 * The model types that a checkpoint without one can be: those whose base model's tensors are all there in the shapes
 * that its config says, with no other beside them. Where heads tell them apart, those which have them.
 */
export async function fittingModelTypes({ config, tensors }: Checkpoint): Promise<string[]> {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [modernName(name), shape] as const));
  const all = (await allArchitectures()).map((architecture) => fitOf(architecture, config, shapes));
  const fits = all.filter((one) => one !== undefined);
  const named = plainClass(configClass(config) ?? "");
  const byClass = fits.filter(({ architecture }) => classNames(architecture).includes(named));
  const left = byClass.length > 0 ? byClass : fits;
  const byHead = left.filter(({ knowsRest }) => knowsRest);
  return (byHead.length > 0 ? byHead : left).map(({ architecture }) => architecture.modelType);
}

/** The error for a checkpoint whose model type is open. */
export function openModelType(fitting: readonly string[]): CheckpointError {
  const [first] = fitting;
  if (first === undefined) {
    return new CheckpointError(
      `${CONFIG_FILE} has no model_type, and the tensors are those of no model type that can be converted`,
      `If you know it, write it into ${CONFIG_FILE}; lsg architectures lists them.`,
    );
  }
  return new CheckpointError(
    `${CONFIG_FILE} has no model_type, and the tensors fit several: ${fitting.join(", ")}`,
    `Say which: --model-type ${first}; or write "model_type": "${first}" into ${CONFIG_FILE}.`,
  );
}

interface Fit {
  readonly architecture: Architecture;
  /** Whether every tensor behind the base model belongs to one of its heads. */
  readonly knowsRest: boolean;
}

type Shapes = ReadonlyMap<string, readonly number[]>;

function fitOf(architecture: Architecture, config: Config, shapes: Shapes): Fit | undefined {
  const sizes = sizesOrNothing(architecture, config);
  if (!sizes) return undefined;
  const base = [...baseSpecs(architecture, sizes), ...poolerSpecs(architecture, sizes)];
  const prefix = `${architecture.basePrefix}.`;
  const isPrefixed = base.some(({ name }) => shapes.has(prefix + name));
  const at = (name: string) => (isPrefixed ? prefix + name : name);
  const stands = ({ name, shape }: TensorSpec) => {
    const found = shapes.get(at(name));
    return found !== undefined && sameShape(found, shape);
  };
  const isWhole = base.every(
    (spec) => spec.part === "pooler" || spec.optional || spec.tiedTo !== undefined || stands(spec),
  );
  if (!isWhole) return undefined;

  const known = new Set(base.map(({ name }) => at(name)));
  const modules = new Set(base.map(({ name }) => firstOf(at(name))));
  const others = [...shapes.keys()].filter((name) => !known.has(name) && !isBuffer(name));
  if (others.some((name) => modules.has(firstOf(name)))) return undefined;
  const heads = Object.values(architecture.heads).flatMap((head) => headSpecs(architecture, head, sizes));
  const ofHeads = new Set(heads.map(({ name }) => name));
  return { architecture, knowsRest: others.every((name) => ofHeads.has(name)) };
}

function sizesOrNothing(architecture: Architecture, config: Config) {
  try {
    return readSizes(architecture, config);
  } catch (error) {
    if (error instanceof LsgError) return undefined;
    throw error;
  }
}

/** Numbers that old versions saved and every model computes anew. */
function isBuffer(name: string): boolean {
  return /(^|\.)embeddings\.(position_ids|token_type_ids)$/.test(name);
}

function firstOf(name: string): string {
  return name.split(".", 1)[0] ?? name;
}
