import type { Command } from "commander";
import { progressOn, silent } from "../base/progress.js";
import { benchPage } from "../bench/page.js";
import { printBench } from "../bench/wording.js";
import { bench } from "../commands/bench.js";
import { benchFlags, parseBenchOptions } from "../options/options.js";
import { terminalStyle } from "../verify/report/terminal.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";
import { tryReport, writeReport } from "./report-file.js";

export const lengthFlag = "--lengths";

export function define(command: Command, { signal, printJson, printText }: CliContext): void {
  command
    .description(
      "Measure a model's encoder on random tokens beside full attention, its original or another graph: time, memory\n" +
        "and loading, each graph in a process of its own, run by run in turn.",
    )
    .argument("<model>", "folder, or Hub model (org/name, hf://org/name@revision)")
    .action(async (model: string, given: Record<string, unknown>) => {
      const options = parseBenchOptions(given);
      const { json, quiet, html } = options;
      if (html !== undefined) await tryReport(html);
      const { step } = json || quiet ? silent : progressOn(process.stderr);
      const report = await bench(model, options, { signal, onStep: step });
      if (html !== undefined) await writeReport(html, benchPage(report));
      if (json) printJson(report);
      else printText(printBench(report, terminalStyle(process.stdout, process.env).columns));
    });
  addFlags(command, benchFlags());
}
