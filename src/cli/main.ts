import { Command, CommanderError } from "commander";
import { LsgError, StoppedError } from "../base/errors.js";
import { packageInfo } from "../base/package.js";
import { printable, printableJson, tell } from "../base/printable.js";
import type { CliContext, VerbModule } from "./context.js";
import { refuseMisread } from "./positions.js";

/** Loaded when it is called: `lsg --help` needs none of them. */
const VERBS: Readonly<Record<string, { summary: string; load: () => Promise<VerbModule> }>> = {
  convert: {
    summary: "convert a checkpoint to its long-context variant",
    load: () => import("./convert.js"),
  },
  export: {
    summary: "export a checkpoint as an ONNX graph",
    load: () => import("./export.js"),
  },
  verify: {
    summary: "prove a converted folder against its original",
    load: () => import("./verify.js"),
  },
  batch: {
    summary: "run a file of conversions: in CI, in a cluster, overnight",
    load: () => import("./batch.js"),
  },
  push: {
    summary: "push a converted folder to the Hugging Face Hub",
    load: () => import("./push.js"),
  },
  inspect: {
    summary: "show what a model is and what a conversion would change",
    load: () => import("./inspect.js"),
  },
  bench: {
    summary: "measure a model's time and memory beside full attention, its original or another graph",
    load: () => import("./bench.js"),
  },
  evaluate: {
    summary: "compare ways to read long documents, on documents of your own",
    load: () => import("./evaluate.js"),
  },
  predict: {
    summary: "predict labels, entities, answers, embeddings or texts of a file of documents",
    load: () => import("./predict.js"),
  },
  architectures: {
    summary: "list the model types, classes and variants",
    load: () => import("./architectures.js"),
  },
  completion: {
    summary: "print a script for completion in bash, zsh or fish",
    load: () => import("./completion.js"),
  },
};

const EXIT_USAGE = 2;
/** Anything that is not an LsgError is a bug; sysexits.h calls this EX_SOFTWARE. */
const EXIT_BUG = 70;
const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Streams that nobody reads any more: Node does not say so of its own. */
const unread = new WeakSet<NodeJS.WriteStream>();

// Who reads only the beginning (`| head`) has what he wants: writing on is not an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    unread.add(stream);
  });
}

/**
 * Runs a command line and returns its exit code. With the verbs' own files the only place that writes to
 * stdout.
 * @param argv arguments without node and script
 */
export async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const signals = abortOnSignals(abort);
  let exitCode = 0;
  try {
    const context: CliContext = {
      exitWith: (code) => {
        exitCode = code;
      },
      signal: abort.signal,
      printJson,
      printJsonLine,
      printText: (text) => tell(process.stdout, text),
      tell: (text) => tell(process.stderr, text),
      wholeProgram: () => wholeProgram(context),
    };
    await run(argv, context);
    return exitCode;
  } catch (error) {
    const signal = signals.received();
    if (signal) {
      const state = error instanceof StoppedError ? error.message : "nothing was changed";
      tell(process.stderr, `lsg: stopped by ${signal}; ${state}\n`);
      return SIGNAL_EXITS[signal];
    }
    return report(error, argv.includes("--json"));
  } finally {
    signals.forget();
  }
}

async function run(argv: readonly string[], context: CliContext): Promise<void> {
  const { version, description } = packageInfo();
  const lsg = new Command("lsg").description(description).version(version).exitOverride();
  // Errors are reported in one place, in one form.
  lsg.configureOutput({ writeErr: () => {} });
  const [verb, args] = splitVerb(argv);
  let normalised = args;
  for (const [name, { summary, load }] of Object.entries(VERBS)) {
    const command = lsg.command(name).summary(summary).description(summary).copyInheritedSettings(lsg);
    if (name !== verb) continue;
    const { define, normalise, lengthFlag } = await load();
    define(command, context);
    normalised = normalise ? await normalise(args) : args;
    refuseMisread(command.parseOptions([...normalised]).operands, command, lengthFlag);
  }
  if (argv.length === 0) lsg.help();
  await lsg.parseAsync(verb === undefined ? args : [verb, ...normalised], { from: "user" });
}

async function wholeProgram(context: CliContext): Promise<Command> {
  const lsg = new Command("lsg");
  for (const [name, { summary, load }] of Object.entries(VERBS)) {
    (await load()).define(lsg.command(name).summary(summary), context);
  }
  return lsg;
}

/** The verb and what follows; lsg-converter's arguments, which name no verb, are a conversion. */
function splitVerb(argv: readonly string[]): [verb: string | undefined, args: readonly string[]] {
  const [first = "", ...rest] = argv;
  if (first === "help" && rest[0] !== undefined) return [rest[0], ["--help"]];
  if (Object.hasOwn(VERBS, first)) return [first, rest];
  const isNamed = argv.some((arg) => /^--(initial_model|model_name)(=|$)/.test(arg));
  const isReference = (first.startsWith("--") && isNamed) || (first.endsWith(".json") && rest.length === 0);
  return isReference ? ["convert", argv] : [undefined, argv];
}

/** Says what went wrong and returns the exit code. */
function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Help and version were asked for and have been printed.
    if (error.exitCode === 0) return 0;
    return fail(
      printable(error.message.replace(/^error: /, "")),
      "See lsg --help, or lsg VERB --help.",
      EXIT_USAGE,
      json,
    );
  }
  if (error instanceof LsgError) {
    return fail(error.message, error.remedy, error.exitCode, json, error.details);
  }
  tell(process.stderr, `lsg: this is a bug; please report it\n${describeBug(error)}\n`);
  return EXIT_BUG;
}

function fail(
  message: string,
  remedy: string | undefined,
  exitCode: number,
  json: boolean,
  details: LsgError["details"] = {},
): number {
  if (json) printJson({ error: { message, remedy: remedy ?? null, ...details } });
  tell(process.stderr, `lsg: ${message}\n${remedy ? `     ${remedy}\n` : ""}`);
  return exitCode;
}

function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

async function printJsonLine(value: unknown): Promise<boolean> {
  const { stdout } = process;
  if (unread.has(stdout)) return false;
  if (stdout.write(`${printableJson(value, 0)}\n`)) return true;
  await new Promise<void>((resolve) => {
    const events = ["drain", "close", "error"];
    const goOn = () => {
      for (const event of events) stdout.off(event, goOn);
      resolve();
    };
    for (const event of events) stdout.on(event, goOn);
  });
  return !unread.has(stdout);
}

/** The error's own text, which may quote a model, is one line: frames of the stack are ours. */
function describeBug(error: unknown): string {
  const frames =
    error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^ {4}at /.test(line)) : [];
  return [printable(String(error)), ...frames].join("\n");
}

/** The first signal stops the work in an orderly way, a second one at once. */
function abortOnSignals(abort: AbortController) {
  let received: keyof typeof SIGNAL_EXITS | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT" && signal !== "SIGTERM") return;
    if (received) process.exit(SIGNAL_EXITS[signal]);
    received = signal;
    abort.abort(new Error(`stopped by ${signal}`));
  };
  for (const signal of Object.keys(SIGNAL_EXITS)) process.on(signal, onSignal);
  return {
    received: () => received,
    forget: () => {
      for (const signal of Object.keys(SIGNAL_EXITS)) process.off(signal, onSignal);
    },
  };
}
