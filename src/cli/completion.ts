import { Argument, type Command, type Option } from "commander";
import type { CliContext } from "./context.js";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Record<
  string,
  (completion: Completion) => string
>;

export function define(command: Command, { printText, wholeProgram }: CliContext): void {
  command
    .description(
      "Print a script with which a shell completes commands, flags and their values. For this shell alone:\n" +
        "  source <(lsg completion bash)        lsg completion fish | source",
    )
    .addArgument(new Argument("<shell>", "shell to print it for").choices(Object.keys(SCRIPTS)))
    .action(async (shell: keyof typeof SCRIPTS) => {
      printText(SCRIPTS[shell](describeProgram(await wholeProgram())));
    });
}

/** A script for bash: words from lists, file names where there is no list. */
function bashScript({ name, verbs }: Completion): string {
  const choices = verbs.flatMap(({ name: verb, flags }) =>
    flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ name: flag, choices }) => `      "${verb} ${flag}") words="${choices.join(" ")}" ;;`),
  );
  return `# Completion of ${name} for bash.
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb=\${COMP_WORDS[1]} words=""
  # --flag=value are three words to bash.
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if ((COMP_CWORD == 1)); then
    words="${verbs.map((verb) => verb.name).join(" ")} --help --version"
  else
    case "$verb $prev" in
${choices.join("\n")}
      *)
        case "$verb" in
${verbs.map(bashCase).join("\n")}
        esac
        ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _${name} ${name}
`;
}

function bashCase({ name, flags, choices }: CompletedVerb): string {
  const names = flags.map((flag) => flag.name).join(" ");
  const first = choices.length > 0 ? `((COMP_CWORD == 2)) && words="${choices.join(" ")}"; ` : "";
  return `          ${name}) ${first}[[ $cur == -* ]] && words="${names}" ;;`;
}

/** A script for zsh: descriptions beside the words, file names where there is no list. */
function zshScript({ name, verbs }: Completion): string {
  const summaries = verbs.map((verb) => `    ${zshQuoted(`${verb.name}:${verb.summary}`)}`);
  return `#compdef ${name}
# Completion of ${name} for zsh.
_${name}() {
  local -a verbs=(
${summaries.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe -t commands command verbs
    return
  fi
  case $words[2] in
${verbs.map(zshCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function zshCase({ name, flags, choices }: CompletedVerb): string {
  const rest = choices.length > 0 ? `*: :(${choices.join(" ")})` : "*: :_files";
  const specs = [...flags.map(zshFlag), rest].map((spec) => `        ${zshQuoted(spec)}`);
  return `    ${name})\n      _arguments \\\n${specs.join(" \\\n")}\n      ;;`;
}

function zshFlag({ name, description, takesValue, choices }: CompletedFlag): string {
  const text = `[${description.replace(/[[\]\\:]/g, (character) => `\\${character}`).replaceAll("\n", " ")}]`;
  if (choices.length > 0) return `${name}=${text}:value:(${choices.join(" ")})`;
  return takesValue ? `${name}=${text}:value:_files` : `${name}${text}`;
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A script for fish: descriptions beside the words, file names where there is no list. */
function fishScript({ name, verbs }: Completion): string {
  const isFirst = fishQuoted("__fish_use_subcommand");
  const lines = verbs.flatMap((verb) => [
    `complete -c ${name} -n ${isFirst} -f -a ${verb.name} -d ${fishQuoted(verb.summary)}`,
    ...fishLines(name, verb),
  ]);
  return `# Completion of ${name} for fish.\n${lines.join("\n")}\n`;
}

function fishLines(program: string, { name, flags, choices }: CompletedVerb): string[] {
  const start = `complete -c ${program} -n ${fishQuoted(`__fish_seen_subcommand_from ${name}`)}`;
  const first = choices.length > 0 ? [`${start} -f -a ${fishQuoted(choices.join(" "))}`] : [];
  return [...first, ...flags.map((flag) => `${start} ${fishFlag(flag)}`)];
}

function fishFlag({ name, description, takesValue, choices }: CompletedFlag): string {
  const value = choices.length > 0 ? ` -x -a ${fishQuoted(choices.join(" "))}` : takesValue ? " -r" : "";
  return `-l ${name.replace(/^--/, "")}${value} -d ${fishQuoted(description.replaceAll("\n", " "))}`;
}

/** Inside single quotes fish knows two escapes. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}

/** A command line as a shell completes it. */
interface Completion {
  readonly name: string;
  readonly verbs: readonly CompletedVerb[];
}

interface CompletedVerb {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletedFlag[];
  /** What its first argument may be, where that is not a file or model. */
  readonly choices: readonly string[];
}

interface CompletedFlag {
  readonly name: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** What the value may be; empty for any. */
  readonly choices: readonly string[];
}

/** Reads from a program what the help shows of it: verbs, flags with their negations, choices. */
function describeProgram(program: Command): Completion {
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
