import { Argument, type Command } from "commander";
import { bashScript } from "./completion/bash.js";
import { type Completion, describeProgram } from "./completion/describe.js";
import { fishScript } from "./completion/fish.js";
import { zshScript } from "./completion/zsh.js";
import type { CliContext } from "./context.js";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Record<
  string,
  (completion: Completion) => string
>;

/** `lsg completion`. */
export function define(command: Command, { printText, wholeProgram }: CliContext): void {
  command
    .description(
      "Print a script with which a shell completes commands, flags and their values. For this shell alone:\n" +
        "  source <(lsg completion bash)        lsg completion fish | source",
    )
    .addArgument(new Argument("<shell>", "shell to print it for").choices(Object.keys(SCRIPTS)))
    .action(async (shell: keyof typeof SCRIPTS) => {
      printText(SCRIPTS[shell](describeProgram(await wholeProgram())));
    });
}
