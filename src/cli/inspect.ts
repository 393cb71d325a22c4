import type { Command } from "commander";
import { progressOn, silent } from "../base/progress.js";
import { inspect } from "../commands/inspect.js";
import { printInspection } from "../inspect/print.js";
import {
  decisiveOptions,
  inspectFlags,
  parseConvertOptions,
  parseInspectOptions,
} from "../options/options.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";
import { tryReport } from "./report-file.js";

export const lengthFlag = "--max-sequence-length";

/** `lsg inspect`: its flags are a conversion's, which it would do. */
export function define(command: Command, { signal, printJson, printText }: CliContext): void {
  command
    .description(
      "Show what a model is, a folder or one on the Hub, and what a conversion with these options would change.\n" +
        "No weights are downloaded and nothing is written but the picture.",
    )
    .argument("<model>", "folder, or Hub model (org/name, hf://org/name@revision)")
    .action(async (model: string, given: Record<string, unknown>) => {
      const { json, tensors, picture, ...conversion } = parseInspectOptions(given);
      const options = decisiveOptions(parseConvertOptions(conversion));
      const onNotice = json ? silent.step : progressOn(process.stderr).step;
      if (picture !== undefined) await tryReport(picture);
      const inspection = await inspect(model, options, { signal, onNotice });
      if (picture !== undefined)
        await (await import("../inspect/picture.js")).writePicture(picture, inspection);
      if (json) printJson(inspection);
      else printText(printInspection(inspection, tensors));
    });
  addFlags(command, inspectFlags());
}
