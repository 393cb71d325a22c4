import type { Command } from "commander";
import { OptionError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { progressOn, silent } from "../base/progress.js";
import { type PredictSummary, predict } from "../commands/predict.js";
import { parsePredictOptions, predictFlags } from "../options/options.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";

export const lengthFlag = "--max-length";

export function define(command: Command, { signal, printJson, printJsonLine, tell }: CliContext): void {
  command
    .description(
      "Tell of documents what a model's head is for, without Python: labels, entities, answers, words for\n" +
        "masks, embeddings, texts. Reads JSONL, CSV, TSV or plain text, gzipped too; prints a line of JSON for each.",
    )
    .argument("<model>", "folder, or Hub model (org/name, hf://org/name@revision)")
    .argument("<file...>", "data; - for stdin")
    .action(async (model: string, files: string[], given: Record<string, unknown>) => {
      const options = parsePredictOptions(given);
      const { json, quiet, output } = options;
      if (files.filter((file) => file === "-").length > 1) {
        throw new OptionError("- stands there twice, and stdin can be read once");
      }
      const { step } = json || quiet ? silent : progressOn(process.stderr);
      const predictions: unknown[] = [];
      const emit = json
        ? async (record: Record<string, unknown>) => predictions.push(record) > 0
        : printJsonLine;
      const summary = await predict(model, files, options, { signal, onStep: step, emit });
      if (json) printJson({ ...summary, predictions });
      if (!json && !quiet) tell(describe(summary, output));
      else if (summary.cut > 0) tell(cutNote(summary));
    });
  addFlags(command, predictFlags());
}

function describe(summary: PredictSummary, output: string | undefined): string {
  const { documents } = summary;
  const count = `${documents} ${documents === 1 ? "document" : "documents"}`;
  const where = output === undefined ? "" : ` to ${printable(output)}`;
  return `${count}${where}\n${summary.cut > 0 ? cutNote(summary) : ""}`;
}

function cutNote({ cut, max_length }: PredictSummary): string {
  return (
    `${cut} longer than the ${max_length} tokens that the model reads: the rest was not read ` +
    "(--reading windows reads all of it)\n"
  );
}
