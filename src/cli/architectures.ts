import type { Command } from "commander";
import { allArchitectures } from "../architectures/architectures.js";
import { classNames } from "../architectures/class-names.js";
import { VARIANTS } from "../options/schemas.js";
import { PLANS } from "../plan/variants.js";
import type { CliContext } from "./context.js";

export function define(command: Command, { printJson, printText }: CliContext): void {
  command.option("--json", "print one JSON document").action(async ({ json }: { json?: boolean }) => {
    const architectures = await listArchitectures();
    if (json) return printJson(architectures);
    for (const { model_type, title, classes, variants } of architectures) {
      printText(
        `${model_type} (${title}) → ${variants.join(", ")}\n${classes.map((name) => `  ${name}\n`).join("")}`,
      );
    }
  });
}

/** Every model type with its classes and the variants that it converts to. */
export async function listArchitectures() {
  const architectures = await allArchitectures();
  return architectures.map((architecture) => ({
    model_type: architecture.modelType,
    title: architecture.title,
    classes: classNames(architecture),
    variants: VARIANTS.filter((variant) => PLANS[variant].offers(architecture)),
  }));
}
