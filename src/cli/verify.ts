import type { Command } from "commander";
import { OptionError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { verify } from "../commands/verify.js";
import { parseVerifyOptions, type VerifyOptions, verifyFlags } from "../options/options.js";
import { type DeviceFinding, listDevices } from "../runtime/devices.js";
import { htmlReport } from "../verify/report/html.js";
import { markdownReport } from "../verify/report/markdown.js";
import { exitCodeOf } from "../verify/verdict.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";
import { tryReport, writeReport } from "./report-file.js";
import { presentOn } from "./verification.js";

export const lengthFlag = "--lengths";

export function define(command: Command, context: CliContext): void {
  command
    .description(
      "Prove that a converted folder is what it claims to be: every byte against a conversion planned again from\n" +
        "the original, its outputs against the original's, its attention against its definition. Exits with 1 if not, or if\n" +
        "there is nothing to compare it with.",
    )
    .argument("[converted]", "folder that lsg convert wrote, or such a model on the Hub")
    .action(async (model: string | undefined, given: Record<string, unknown>) => {
      const options = parseVerifyOptions(given);
      if (options.listDevices) return showDevices(options, context);
      if (model === undefined)
        throw new OptionError("missing argument 'converted'", "Name a converted folder.");
      await run(model, options, context);
    });
  addFlags(command, verifyFlags());
}

async function run(model: string, options: VerifyOptions, context: CliContext): Promise<void> {
  const { json, quiet, report: path } = options;
  const { listener, conclude, toJson } = presentOn(process.stdout);
  if (path !== undefined) await tryReport(path);
  const report = await verify(model, options, { signal: context.signal, ...(!quiet && !json && listener) });
  if (path !== undefined)
    await writeReport(path, (path.endsWith(".html") ? htmlReport : markdownReport)(report));
  if (json) context.printJson(toJson(report));
  else if (quiet) context.printText(`${printable(report.summary)}\n`);
  else conclude(report);
  const exitCode = exitCodeOf(report.verdict, options.against);
  if (exitCode !== 0) context.exitWith(exitCode);
}

async function showDevices({ json }: VerifyOptions, { printJson, printText }: CliContext): Promise<void> {
  const devices = await listDevices();
  if (json) printJson(devices);
  else printText(deviceLines(devices));
}

/** Every device on a line, with what absent ones lack and what to do about it below. */
function deviceLines(devices: readonly DeviceFinding[]): string {
  const width = Math.max(...devices.map(({ name }) => name.length));
  return devices
    .flatMap(({ name, available, software, detail, remedy }) => {
      const state = available ? (software ? "software" : "ready") : "absent";
      const line = `${name.padEnd(width)}  ${state.padEnd("software".length)}  ${detail}`;
      return !available && remedy ? [line, `${" ".repeat(width + 2)}To do: ${remedy}`] : [line];
    })
    .map((line) => `${printable(line)}\n`)
    .join("");
}
