import type { Command } from "commander";
import { counting, progressOn, silent } from "../base/progress.js";
import { evaluate } from "../commands/evaluate.js";
import { evaluationPage } from "../evaluate/page.js";
import { printEvaluation } from "../evaluate/wording.js";
import { evaluateFlags, parseEvaluateOptions } from "../options/options.js";
import { terminalStyle } from "../verify/report/terminal.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";
import { tryReport, writeReport } from "./report-file.js";

export function define(command: Command, { signal, exitWith, printJson, printText }: CliContext): void {
  command
    .description(
      "Compare ways to read long documents on documents of your own: a source that is cut, in chunks and in windows,\n" +
        "beside converted models. Figures come with intervals, and a sentence says what differs and what does not.",
    )
    .argument(
      "<model...>",
      "folders, or Hub models (org/name, hf://org/name@revision): a source, converted ones",
    )
    .action(async (models: string[], given: Record<string, unknown>) => {
      const options = parseEvaluateOptions(given);
      const { json, quiet, html } = options;
      if (html !== undefined) await tryReport(html);
      const isSilent = json || quiet;
      const { step } = isSilent ? silent : progressOn(process.stderr);
      const progress = isSilent ? undefined : counting(process.stderr);
      const report = await evaluate(models, options, { signal, onStep: step, onProgress: progress?.show });
      progress?.clear();
      if (html !== undefined) await writeReport(html, evaluationPage(report));
      if (json) printJson(report);
      else printText(printEvaluation(report, terminalStyle(process.stdout, process.env).columns));
      if (!report.compared) exitWith(1);
    });
  addFlags(command, evaluateFlags());
}
