import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import type { ConvertResult } from "./commands/convert.js";
import { LsgError, OptionError } from "./errors.js";
import { convertFlags, flagName, parseConvertOptions } from "./options.js";
import { progressOn, silent } from "./progress.js";
import { fileArguments, normaliseSpelling } from "./reference-spelling.js";

/** Anything that is not an LsgError is a bug; sysexits.h calls this EX_SOFTWARE. */
const EXIT_BUG = 70;
const EXIT_USAGE = 2;
const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143 } as const;

const flags = convertFlags();

/** Runs the command line. Nothing else writes to stdout or decides the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const stop = stopOnSignals(abort);
  try {
    await program(abort.signal).parseAsync(normaliseArguments(argv), { from: "user" });
    return 0;
  } catch (error) {
    const signal = stop.received();
    if (signal) {
      process.stderr.write(`lsg: stopped by ${signal}; nothing was changed\n`);
      return SIGNAL_EXITS[signal];
    }
    return report(error, argv.includes("--json"));
  } finally {
    stop.forget();
  }
}

function program(signal: AbortSignal): Command {
  const { version, description } = packageJson();
  const lsg = new Command("lsg")
    .description(description)
    .version(version)
    .exitOverride()
    .showHelpAfterError(false);
  lsg.configureOutput({ writeErr: () => {} });

  const convert = lsg
    .command("convert")
    .summary("convert a checkpoint to its long-context variant")
    .description(
      "Convert a checkpoint, a folder or a model on the Hub, to its long-context variant.\n" +
        "Accepts lsg-converter's arguments too: --initial_model X --model_name Y, or one .json file of them.",
    )
    .argument("<model>", "folder, or Hub model (org/name, hf://org/name@revision)")
    .argument("[output]", "folder to write (default: ./NAME-lsg-LENGTH)")
    .action(async (model: string, output: string | undefined, given: Record<string, unknown>) => {
      const options = parseConvertOptions(given);
      const { convert: run } = await import("./commands/convert.js");
      const progress = options.quiet || options.json ? silent : progressOn(process.stderr);
      const result = await run(model, output, options, { signal, progress });
      await printConversion(result, options);
    });
  for (const option of convertOptions()) convert.addOption(option);

  lsg
    .command("architectures")
    .summary("list the model types, classes and variants")
    .option("--json", "print one JSON document")
    .action(async ({ json }: { json?: boolean }) => {
      const { listArchitectures } = await import("./commands/architectures.js");
      const architectures = await listArchitectures();
      if (json) return printJson(architectures);
      for (const { model_type, title, classes, variants } of architectures) {
        process.stdout.write(
          `${model_type} (${title}) → ${variants.join(", ")}\n  ${classes.join("\n  ")}\n`,
        );
      }
    });
  return lsg;
}

function convertOptions(): Option[] {
  return flags.flatMap(({ key, description, kind, choices, defaultValue }) => {
    const flag = flagName(key);
    const shown = defaultValue === undefined || kind === "boolean" ? "" : ` (default: ${defaultValue})`;
    if (kind === "value") {
      const placeholder = choices ? choices.join("|") : "value";
      return [new Option(`${flag} <${placeholder}>`, description + shown)];
    }
    const no = new Option(flag.replace(/^--/, "--no-"), `not ${flag}`);
    // A flag that is off by default needs no "no-" in the help; it works all the same.
    return [new Option(flag, description), defaultValue === false ? no.hideHelp() : no];
  });
}

/** The reference's spellings become ours, and its file of arguments a command line. */
function normaliseArguments(argv: readonly string[]): string[] {
  const [first = "", ...rest] = argv;
  const isReference =
    /^--(initial_model|model_name)\b/.test(first) || (first.endsWith(".json") && rest.length === 0);
  if (first !== "convert" && !isReference) return [...argv];
  const args = isReference ? [...argv] : rest;
  const [only = ""] = args;
  const expanded = args.length === 1 && only.endsWith(".json") ? fileArguments(readArguments(only)) : args;
  const booleans = flags.filter(({ kind }) => kind === "boolean").map(({ key }) => flagName(key).slice(2));
  return ["convert", ...normaliseSpelling(expanded, new Set(booleans))];
}

function readArguments(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new OptionError(`${path} cannot be read as a file of arguments: ${(error as Error).message}`);
  }
}

async function printConversion(
  { output, plan }: ConvertResult,
  { json, quiet, dryRun }: ReturnType<typeof parseConvertOptions>,
) {
  const { planToJson, summarise } = await import("./plan/print.js");
  if (dryRun || json) printJson({ output, written: !dryRun, plan: planToJson(plan) });
  if (!quiet && !json) process.stderr.write(summarise(output, plan, dryRun));
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Says what went wrong and returns the exit code. */
function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Help and version were asked for and have been printed.
    if (error.exitCode === 0) return 0;
    return fail(error.message.replace(/^error: /, ""), "See lsg --help.", EXIT_USAGE, json);
  }
  if (error instanceof LsgError) return fail(error.message, error.remedy, error.exitCode, json);
  process.stderr.write(
    `lsg: this is a bug; please report it\n${error instanceof Error ? error.stack : error}\n`,
  );
  return EXIT_BUG;
}

function fail(message: string, remedy: string | undefined, exitCode: number, json: boolean): number {
  if (json) printJson({ error: { message, remedy: remedy ?? null } });
  process.stderr.write(`lsg: ${message}\n${remedy ? `     ${remedy}\n` : ""}`);
  return exitCode;
}

/** The first signal stops the work in an orderly way, a second one at once. */
function stopOnSignals(abort: AbortController) {
  let received: keyof typeof SIGNAL_EXITS | undefined;
  const handlers = (Object.keys(SIGNAL_EXITS) as (keyof typeof SIGNAL_EXITS)[]).map((signal) => {
    const handler = () => {
      if (received) process.exit(SIGNAL_EXITS[signal]);
      received = signal;
      abort.abort(new Error(`stopped by ${signal}`));
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return {
    received: () => received,
    forget: () => {
      for (const off of handlers) off();
    },
  };
}

/** Two levels up from `dist/src/`. */
function packageJson(): { version: string; description: string } {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
}
