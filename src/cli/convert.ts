import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { describeAttention } from "../attention/variants.js";
import { OptionError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { megabytes, progressOn, silent } from "../base/progress.js";
import { CONFIG_FILE } from "../checkpoint/checkpoint.js";
import { isConfiguration } from "../checkpoint/named-folder.js";
import { convert } from "../commands/convert.js";
import { isRecord } from "../json/json-edit.js";
import { flagName } from "../options/flags.js";
import { type ConvertOptions, convertFlags, parseConvertOptions } from "../options/options.js";
import { totalBytes } from "../plan/shards.js";
import type { ConversionPlan } from "../plan/types.js";
import { VerificationError } from "../verify/verification-error.js";
import type { CliContext } from "./context.js";
import { describeFiles } from "./files.js";
import { addFlags } from "./flags.js";
import { addReferenceNames, placesOf } from "./reference-names.js";
import { fileArguments, normaliseSpelling } from "./reference-spelling.js";

const flags = convertFlags();
const booleans = flags.filter(({ kind }) => kind === "boolean").map(({ key }) => flagName(key));

export const lengthFlag = "--max-sequence-length";

/** `lsg convert`: its flags are those of the schemas in options.ts. */
export function define(command: Command, context: CliContext): void {
  command
    .description(
      "Convert a checkpoint, a folder or a model on the Hub, to its long-context variant.\n" +
        "lsg-converter's arguments work as well: --initial_model X --model_name Y, or one .json file of them.",
    )
    .usage("[options] <model> [output]")
    .argument("[model]", "folder, or Hub model (org/name, hf://org/name@revision)")
    .argument("[output]", "folder to write (default: ./NAME-VARIANT-LENGTH, e.g. ./NAME-lsg-4096)")
    .action(async (first: string | undefined, second: string | undefined, given: Record<string, unknown>) => {
      const { model, output } = placesOf({ model: first, output: second }, given);
      // The reference's command line comes with what it would have defaulted to.
      const preset = given.initialModel === undefined ? {} : { preset: "reference" };
      await run(model, output, parseConvertOptions({ ...preset, ...given }), context);
    });
  addReferenceNames(command);
  addFlags(command, flags);
}

async function run(
  model: string,
  output: string | undefined,
  options: ConvertOptions,
  { signal, printJson, tell, exitWith }: CliContext,
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
    tell(`${verification ? "\n" : ""}${summarise(result.output, plan, dryRun)}`);
    if (graphs) tell(`  graphs: ${describeFiles(graphs)}\n`);
    if (comparison) {
      // Only here: it knows ONNX Runtime.
      const { comparisonLines } = await import("../commands/compare-dtypes.js");
      for (const line of comparisonLines(comparison)) tell(`  ${printable(line)}\n`);
    }
    if (verification) presentation?.conclude(verification);
    if (result.pushed) tell((await import("./push.js")).pushText(result.pushed));
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    const { report, exitCode } = error;
    if (json)
      printJson({ output: report.converted, written: false, verification: presentation?.toJson(report) });
    else presentation?.conclude(report, listener === undefined);
    tell("lsg: nothing was written\n");
    exitWith(exitCode);
  }
}

/** The reference's spellings become ours, and its file of arguments a command line. */
export async function normalise(args: readonly string[]): Promise<string[]> {
  const [only = ""] = args;
  const isFile = args.length === 1 && only.endsWith(".json") && !(await isConfiguration(only));
  const expanded = isFile ? fileArguments(await readArguments(only)) : args;
  return normaliseSpelling(expanded, new Set(booleans.map((flag) => flag.slice(2))));
}

/** @throws OptionError for a file that does not hold lsg-converter's arguments */
async function readArguments(path: string): Promise<Record<string, unknown>> {
  const folder = dirname(path);
  const remedy = existsSync(join(folder, CONFIG_FILE))
    ? `A model is named by its folder: lsg convert ${folder}`
    : 'Such a file holds an object: {"initial_model": MODEL, "model_name": OUTPUT, …}';
  const refusal = (reason: string, cause?: unknown) =>
    new OptionError(`${path} cannot be read as a file of lsg-converter's arguments: ${reason}`, remedy, {
      cause,
    });
  const parsed: unknown = await readFile(path, "utf8")
    .then(JSON.parse)
    .catch((error: Error) => {
      throw refusal(error.message, error);
    });
  if (isRecord(parsed) && "initial_model" in parsed) return parsed;
  throw refusal("it names no initial_model");
}

/** A plan as `--dry-run` prints it, which others rely on: maps as objects, without what only writer and verifier ask for. */
export function planToJson({ length: _, generates: __, ...plan }: ConversionPlan): unknown {
  const printed = {
    ...plan,
    config: { set: plan.config.set, remove: plan.config.remove },
    shards: plan.shards.map(({ copyOf: _, ...shard }) => shard),
    sideFiles: plan.sideFiles.map((file) => {
      if (file.kind !== "edit") return file;
      const { tokens, ...edit } = file;
      return { ...edit, ...(tokens && { addsTokens: true }) };
    }),
  };
  return JSON.parse(
    JSON.stringify(printed, (_, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value,
    ),
  );
}

/** What was done, in a few lines for people. */
export function summarise(output: string, plan: ConversionPlan, dryRun: boolean): string {
  const { record, shards, dropped, sideFiles, notes } = plan;
  const { from, to } = record.max_sequence_length;
  const size = megabytes(totalBytes(shards));
  const lengths = sideFiles
    .filter((file) => file.kind === "edit" && file.edits.length > 0)
    .map(({ path }) => path);
  return [
    `${dryRun ? "Would convert" : "Converted"} ${record.source.model} (${record.architecture}): ${from} → ${to} tokens`,
    `  ${dryRun ? "to" : "in"} ${output}: ${shards.length} weight file${shards.length > 1 ? "s" : ""}, ${size} MB, ${sideFiles.length + 1} other files`,
    `  attention: ${describeAttention(plan.attention)}`,
    ...(lengths.length > 0 ? [`  length also ${to < from ? "set" : "raised"} in ${lengths.join(", ")}`] : []),
    ...dropped.map(({ name, reason }) => `  dropped ${name}: ${reason}`),
    ...notes.map((note) => `  ${note}`),
    "",
  ]
    .map(printable)
    .join("\n");
}
