import type { Command } from "commander";
import { OptionError } from "../base/errors.js";

/** How a position of that name is written where a number is what it is called. */
const BY_NAME: Readonly<Record<string, (number: string) => string>> = {
  output: (number) => `For a folder of that name: ./${number}`,
  "repo-id": (number) => `For a repository of that name: OWNER/${number}`,
};

/** Behind the model a length whose flag was forgotten, or the value of a flag that takes none. */
const NUMBER = /^\d+$/;
const TRUTH = /^(true|false)$/i;

/**
 * Refuses positions that are hardly what they stand for, before anything is opened, written or replaced: empty ones, and
 * behind the model bare numbers, `True` and `False`.
 * @param lengthFlag the verb's flag for a length, where it has one
 * @throws OptionError that says what was likely meant
 */
export function refuseMisread(
  operands: readonly string[],
  command: Command,
  lengthFlag: string | undefined,
): void {
  if (operands.includes("")) {
    throw new OptionError(
      `lsg ${command.name()}: an argument is empty`,
      "Write what it should name; a variable of the shell may have no value.",
    );
  }
  const index = operands.findIndex((operand, i) => i > 0 && (NUMBER.test(operand) || TRUTH.test(operand)));
  const [word, position] = [operands[index], command.registeredArguments[index]?.name()];
  if (word === undefined) return;
  const asIs = position && BY_NAME[position]?.(word);
  const found = `${word} ${position ? `stands where the ${position} does` : "is one argument too many"}`;
  if (lengthFlag && NUMBER.test(word)) {
    throw new OptionError([`${found}: did you mean ${lengthFlag} ${word}?`, asIs].filter(Boolean).join(" "));
  }
  if (asIs || TRUTH.test(word))
    throw new OptionError(found, asIs ?? "Flags of lsg take no such value: leave it out.");
}
