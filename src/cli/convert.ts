import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { OptionError } from "../base/errors.js";
import { progressOn, silent } from "../base/progress.js";
import { convert } from "../commands/convert.js";
import { flagName } from "../options/flags.js";
import { type ConvertOptions, convertFlags, parseConvertOptions } from "../options/options.js";
import { planToJson, summarise } from "../plan/print.js";
import { VerificationError } from "../verify/verification-error.js";
import type { CliContext } from "./context.js";
import { describeFiles } from "./files.js";
import { addFlags } from "./flags.js";
import { fileArguments, normaliseSpelling } from "./reference-spelling.js";

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
    .argument("[output]", "folder to write (default: ./NAME-lsg-LENGTH, or ./NAME-longformer-LENGTH)")
    .action(async (model: string, output: string | undefined, given: Record<string, unknown>) => {
      const options = parseConvertOptions(given);
      await run(model, output, options, context);
    });
  addFlags(command, flags);
}

async function run(
  model: string,
  output: string | undefined,
  options: ConvertOptions,
  { signal, printJson, exitWith }: CliContext,
): Promise<void> {
  const { json, quiet, dryRun, runTest } = options;
  const isShown = !quiet && !json;
  const progress = isShown ? progressOn(process.stderr) : silent;
  // What shows a verification takes longer to load than a small model to convert.
  const presentation = runTest ? (await import("./verification.js")).presentOn(process.stderr) : undefined;
  const listener = isShown ? presentation?.listener : undefined;
  try {
    const result = await convert(model, output, options, { signal, progress, listener });
    const { plan, graphs, comparison, verification } = result;
    if (json || dryRun) {
      const proof = verification && { verification: presentation?.toJson(verification) };
      const { verification: _, ...push } = result.pushed ?? {};
      const pushed = result.pushed && { push };
      const written = { written: !dryRun, ...(graphs && { graphs }), ...(comparison && { comparison }) };
      printJson({ output: result.output, ...written, plan: planToJson(plan), ...proof, ...pushed });
    }
    if (!isShown) return;
    process.stderr.write(`${verification ? "\n" : ""}${summarise(result.output, plan, dryRun)}`);
    if (graphs) process.stderr.write(`  graphs: ${describeFiles(graphs)}\n`);
    if (comparison) {
      // Only here: it knows ONNX Runtime.
      const { comparisonLines } = await import("../commands/compare-dtypes.js");
      for (const line of comparisonLines(comparison)) process.stderr.write(`  ${line}\n`);
    }
    if (verification) presentation?.conclude(verification);
    if (result.pushed) process.stderr.write((await import("./push.js")).pushText(result.pushed));
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    const { report, exitCode } = error;
    if (json)
      printJson({ output: report.converted, written: false, verification: presentation?.toJson(report) });
    else presentation?.conclude(report, listener === undefined);
    process.stderr.write(`lsg: nothing was written\n`);
    exitWith(exitCode);
  }
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
