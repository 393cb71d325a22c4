import type { Command } from "commander";
import { printable } from "../base/printable.js";
import { progressOn, silent } from "../base/progress.js";
import { push } from "../commands/push.js";
import { type PushOptions, parsePushOptions, pushFlags } from "../options/options.js";
import type { PushResult } from "../push/push-folder.js";
import { VerificationError } from "../verify/verification-error.js";
import type { CliContext } from "./context.js";
import { addFlags } from "./flags.js";
import { presentOn } from "./verification.js";

export function define(command: Command, context: CliContext): void {
  command
    .description(
      "Push a converted folder to the Hugging Face Hub in one commit, once it has passed lsg verify.\n" +
        "The access token comes from HF_TOKEN or `hf auth login`, the server from HF_ENDPOINT.",
    )
    .argument("<folder>", "folder that lsg convert wrote")
    .argument("<repo-id>", "org/name, or name for a repository of your own; made if there is none")
    .action(async (folder: string, repo: string, given: Record<string, unknown>) => {
      await run(folder, repo, parsePushOptions(given), context);
    });
  addFlags(command, pushFlags());
}

async function run(folder: string, repo: string, options: PushOptions, context: CliContext): Promise<void> {
  const { json, quiet, dryRun } = options;
  const isShown = !quiet && !json;
  const { listener, conclude, toJson } = presentOn(process.stderr);
  try {
    const result = await push(folder, repo, options, {
      signal: context.signal,
      progress: isShown ? progressOn(process.stderr) : silent,
      ...(isShown && { listener }),
    });
    if (json || dryRun) {
      const { verification, ...others } = result;
      context.printJson({ ...others, ...(verification && { verification: toJson(verification) }) });
    }
    if (isShown) context.tell(pushText(result, dryRun));
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    const { report, exitCode } = error;
    if (json) context.printJson({ repo, pushed: false, verification: toJson(report) });
    else conclude(report, !isShown);
    context.tell("lsg: nothing was pushed (--no-verify pushes it as it is)\n");
    context.exitWith(exitCode);
  }
}

/** What was done, in a line or two. */
export function pushText(result: PushResult, dryRun = false): string {
  const { pushed, pull_request, commit, files, present, verified } = result;
  const url = printable(result.url);
  const count = files.added.length + files.replaced.length;
  if (dryRun) return `Nothing was pushed: ${count} files would go to ${url}\n`;
  if (!pushed) return `${url} holds all of this already\n`;
  const where = pull_request ? `Proposed in ${url}` : `Pushed to ${url}`;
  const arrived = present.length > 0 ? `; there already: ${printable(present.join(", "))}` : "";
  const unproven = verified === "no" ? "Nothing was verified.\n" : "";
  return `${where}\n  ${count} files in commit ${printable(commit?.slice(0, 8) ?? "")}${arrived}\n${unproven}`;
}
