import type { Command, Option } from "commander";

/** A command line as a shell completes it. */
export interface Completion {
  readonly name: string;
  readonly verbs: readonly CompletedVerb[];
}

export interface CompletedVerb {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletedFlag[];
  /** What its first argument may be, where that is no file or model. */
  readonly choices: readonly string[];
}

export interface CompletedFlag {
  /** With its dashes. */
  readonly name: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** What the value may be; empty for any. */
  readonly choices: readonly string[];
}

/** Reads from a program what the help shows of it: verbs, flags with their negations, choices. */
export function describeProgram(program: Command): Completion {
  const verbs = program.commands.map(describeVerb);
  const names = verbs.map(({ name }) => name);
  const help = { name: "help", summary: "explain a command", flags: [], choices: names };
  return { name: program.name(), verbs: [...verbs, help] };
}

function describeVerb(command: Command): CompletedVerb {
  const help = Object.assign(command.createHelp(), command.configureHelp());
  return {
    name: command.name(),
    summary: command.summary(),
    flags: help.visibleOptions(command).flatMap((option) => describeFlag(option, help.optionTerm(option))),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
}

/** @param term the flag as the help shows it, where `--[no-]` tells that switching it off says something */
function describeFlag(option: Option, term: string): CompletedFlag[] {
  const { long, description, argChoices = [] } = option;
  if (!long) return [];
  const flag = { name: long, description, takesValue: option.required, choices: argChoices };
  const negated = { ...flag, name: long.replace(/^--/, "--no-"), description: `not: ${description}` };
  return term.startsWith("--[no-]") ? [flag, negated] : [flag];
}
