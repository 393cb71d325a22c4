import type { Command } from "commander";
import { listArchitectures } from "../commands/architectures.js";
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
