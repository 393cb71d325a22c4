import { type Architecture, longformerType } from "../architectures/architecture.js";
import { allArchitectures } from "../architectures/architectures.js";
import { classNames } from "../architectures/class-names.js";

/** One model type as `lsg architectures` lists it. */
export interface ListedArchitecture {
  readonly model_type: string;
  readonly title: string;
  readonly classes: readonly string[];
  readonly variants: readonly string[];
}

/** Every model type with its classes and the variants that it converts to. */
export async function listArchitectures(): Promise<ListedArchitecture[]> {
  const architectures = await allArchitectures();
  return architectures.map((architecture) => ({
    model_type: architecture.modelType,
    title: architecture.title,
    classes: classNames(architecture),
    variants: variantsOf(architecture),
  }));
}

function variantsOf(architecture: Architecture): string[] {
  return [
    ...(architecture.encoder.embeddings.global === undefined ? [] : ["lsg"]),
    ...(longformerType(architecture) === undefined ? [] : ["longformer"]),
  ];
}
