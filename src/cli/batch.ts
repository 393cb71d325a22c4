import { appendFile } from "node:fs/promises";
import type { Command } from "commander";
import { StoppedError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { batchTable, conclusion, isGood, junitReport, resultLine, stepSummary } from "../batch/report.js";
import type { BatchReport } from "../batch/types.js";
import { batch } from "../commands/batch.js";
import { type BatchOptions, batchFlags, parseBatchOptions } from "../options/options.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";
import { tryReport, writeReport } from "./report-file.js";

const EXIT_FAILED = 1;

/** Where GitHub wants to be told, in Markdown, what a step did. */
const STEP_SUMMARY = "GITHUB_STEP_SUMMARY";

export function define(command: Command, context: CliContext): void {
  command
    .description(
      "Run the conversions of a file, JSON or YAML: a job is a model, an output and\n" +
        "lsg convert's options, or a matrix of them. What is done and unchanged is not\n" +
        "run again; a job that fails leaves the others alone. Exits with 1 if one failed.",
    )
    .argument("<jobs>", "file of jobs, e.g. jobs.yaml")
    .action(async (path: string, given: Record<string, unknown>) => {
      await run(path, parseBatchOptions(given), context);
    });
  addFlags(command, batchFlags());
}

async function run(path: string, options: BatchOptions, context: CliContext): Promise<void> {
  const { json, quiet, junit } = options;
  const { signal } = context;
  const log = (name: string, text: string) =>
    void (quiet || context.tell(`${printable(`[${name}] ${text}`)}\n`));
  if (junit !== undefined) await tryReport(junit);
  const report = await batch(path, options, {
    signal,
    onStep: ({ name }, text) => log(name, text),
    onResult: (result) => log(result.name, resultLine(result)),
  });
  if (junit !== undefined) await writeReport(junit, junitReport(report));
  await tellGitHub(report, context);
  if (json) context.printJson(report);
  if (!json) context.printText(`${quiet ? "" : "\n"}${batchTable(report)}`);
  else if (!quiet) context.tell(`\n${batchTable(report)}`);
  if (report.jobs.every(isGood)) return;
  if (signal.aborted) throw new StoppedError(conclusion(report));
  context.exitWith(EXIT_FAILED);
}

/** A summary that cannot be written is not a reason to call conversions failed. */
async function tellGitHub(report: BatchReport, { tell }: CliContext): Promise<void> {
  const path = process.env[STEP_SUMMARY];
  if (!path) return;
  await appendFile(path, stepSummary(report)).catch(({ message }: Error) => {
    tell(`${STEP_SUMMARY}: ${printable(message)}\n`);
  });
}
