import { allArchitectures } from "../architectures/architectures.js";
import { classNames } from "../architectures/class-names.js";
import { VARIANTS } from "../options/schemas.js";
import { PLANS } from "../plan/variants.js";

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
    variants: VARIANTS.filter((variant) => PLANS[variant].offers(architecture)),
  }));
}
