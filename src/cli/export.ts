import type { Command } from "commander";
import { printable } from "../base/printable.js";
import { progressOn, silent } from "../base/progress.js";
import { comparisonLines } from "../commands/compare-dtypes.js";
import { exportOnnx } from "../commands/export.js";
import { exportOp } from "../commands/export-op.js";
import { exportFlags, parseExportOptions } from "../options/options.js";
import type { CliContext } from "./context.js";
import { describeFiles } from "./files.js";
import { addFlags } from "./flags.js";

export function define(command: Command, context: CliContext): void {
  command
    .description(
      "Export a checkpoint as an ONNX graph that is right at every length.\n" +
        "An LSG checkpoint, ours or lsg-converter's, keeps its LSG attention, a Longformer its windows; any other its full attention.",
    )
    .argument("<model>", "folder, or Hub model (org/name, hf://org/name@revision)")
    .argument("[output]", "folder to make (default: the model's own, or ./NAME-onnx for a Hub model)")
    .action(async (model: string, output: string | undefined, given: Record<string, unknown>) => {
      const options = parseExportOptions(given);
      const progress = options.quiet || options.json ? silent : progressOn(process.stderr);
      const run = options.opOnly ? exportOp : exportOnnx;
      const result = await run(model, output, options, { signal: context.signal, progress });
      if (options.json) return context.printJson(result);
      if (options.quiet) return;
      const { bytes, task, attention, layout, notes, comparison } = result;
      const detail = layout === undefined ? "" : ` (${layout})`;
      context.tell(`${printable(`Exported ${model} for ${task} with ${attention} attention${detail}`)}\n`);
      context.tell(`  in ${printable(result.output)}: ${describeFiles(bytes)}\n`);
      for (const line of [...notes, ...comparisonLines(comparison)]) context.tell(`  ${printable(line)}\n`);
    });
  addFlags(command, exportFlags());
}
