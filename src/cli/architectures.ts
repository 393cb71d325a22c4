import type { Command } from "commander";
import { type Architecture, longformerType } from "../architectures/architecture.js";
import { allArchitectures } from "../architectures/architectures.js";
import { classNames } from "../architectures/class-names.js";
import type { CliContext } from "./context.js";

/** `lsg architectures`. */
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

/** One model type as `lsg architectures` lists it. */
interface ListedArchitecture {
  readonly model_type: string;
  readonly title: string;
  readonly classes: readonly string[];
  readonly variants: readonly string[];
}

/** Every model type with its classes and the variants that it converts to. */
async function listArchitectures(): Promise<ListedArchitecture[]> {
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
