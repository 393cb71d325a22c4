import { type Command, type Help, Option } from "commander";
import { type Flag, flagName } from "../options/flags.js";

/** Adds flags, read from schemas, to a command; those that can be switched off show as `--[no-]flag`. */
export function addFlags(command: Command, flags: readonly Flag[]): void {
  for (const flag of flags) for (const option of optionsOf(flag)) command.addOption(option);
  command.addHelpOption(new Option("-h, --help", "print this").helpGroup("Output:"));
  command.configureHelp({
    // Choices and defaults stand in it.
    optionDescription: (option) => option.description,
    optionTerm(this: Help, option: Option) {
      const isSwitch = flags.some(({ key, negatable }) => negatable && flagName(key) === option.flags);
      return isSwitch ? option.flags.replace(/^--/, "--[no-]") : option.flags;
    },
  });
}

function optionsOf({ key, description, kind, choices, group, placeholder, defaultValue }: Flag): Option[] {
  const flag = flagName(key);
  if (kind === "boolean") {
    const negated = new Option(flag.replace(/^--/, "--no-"), description).hideHelp();
    return [new Option(flag, description).helpGroup(group), negated];
  }
  const values = choices ? `${description}: ${choices.join(", ")}` : description;
  const shown = defaultValue === undefined ? values : `${values} (default: ${defaultValue})`;
  const value = kind === "optional value" ? `[${placeholder}]` : `<${placeholder}>`;
  const option = new Option(`${flag} ${value}`, shown).helpGroup(group);
  if (kind === "values") option.argParser((one, others: string[] = []) => [...others, one]);
  // For completion; what may be given is the schema's affair.
  if (choices) option.argChoices = [...choices];
  return [option];
}
