import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { convert } from "../commands/convert.js";
import { OptionError } from "../errors.js";
import { flagName } from "../options/flags.js";
import { convertFlags, parseConvertOptions } from "../options.js";
import { planToJson, summarise } from "../plan/print.js";
import { progressOn, silent } from "../progress.js";
import { fileArguments, normaliseSpelling } from "../reference-spelling.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";

const flags = convertFlags();
const booleans = flags.filter(({ kind }) => kind === "boolean").map(({ key }) => flagName(key));

/** `lsg convert`: its flags are those of the schemas in options.ts. */
export function define(command: Command, context: CliContext): void {
  command
    .description(
      "Convert a checkpoint, a folder or a model on the Hub, to its long-context variant.\n" +
        "lsg-converter's arguments work as well: --initial_model X --model_name Y, or one .json file of them.",
    )
    .argument("<model>", "folder, or Hub model (org/name, hf://org/name@revision)")
    .argument("[output]", "folder to write (default: ./NAME-lsg-LENGTH)")
    .action(async (model: string, output: string | undefined, given: Record<string, unknown>) => {
      const options = parseConvertOptions(given);
      const progress = options.quiet || options.json ? silent : progressOn(process.stderr);
      const result = await convert(model, output, options, { signal: context.signal, progress });
      if (options.json || options.dryRun) {
        context.printJson({ output: result.output, written: !options.dryRun, plan: planToJson(result.plan) });
      }
      if (!options.json && !options.quiet)
        process.stderr.write(summarise(result.output, result.plan, options.dryRun));
    });
  addFlags(command, flags);
}

/** The reference's spellings become ours, and its file of arguments a command line. */
export function normalise(args: readonly string[]): string[] {
  const [only = ""] = args;
  const expanded = args.length === 1 && only.endsWith(".json") ? fileArguments(readArguments(only)) : args;
  return normaliseSpelling(expanded, new Set(booleans.map((flag) => flag.slice(2))));
}

function readArguments(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OptionError(`${path} cannot be read as a file of arguments: ${reason}`, undefined, {
      cause: error,
    });
  }
}
