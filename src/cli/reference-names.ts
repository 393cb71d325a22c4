import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { OptionError } from "../base/errors.js";

/** lsg-converter's names of our positions: each is what it says, wherever it stands. */
const NAMES = [
  { position: "model", flag: "--initial_model", key: "initialModel" },
  { position: "output", flag: "--model_name", key: "modelName" },
] as const;
type Position = (typeof NAMES)[number]["position"];

export type Places = Readonly<Record<Position, string | undefined>>;

/** Adds lsg-converter's names to a command, whose help shows the positions alone. */
export function addReferenceNames(command: Command): void {
  for (const { position, flag } of NAMES) {
    const option = new Option(`${flag.replace("_", "-")} <${position}>`).hideHelp();
    command.addOption(
      option.argParser((name: string, before?: string) => {
        if (name === "" || name.startsWith("--")) {
          throw new OptionError(`${flag} has no value`, `Name the ${position} behind it.`);
        }
        refuseTwo(position, before, name, flag, `${flag} again`);
        return name;
      }),
    );
  }
}

/**
 * What the positions and lsg-converter's names say together.
 * @param given the parsed flags
 * @throws OptionError where they contradict each other, or name no model
 */
export function placesOf(
  positions: Places,
  given: Readonly<Record<string, unknown>>,
): Places & { readonly model: string } {
  const [model, output] = NAMES.map(({ position, flag, key }) => {
    const named = given[key] as string | undefined;
    refuseTwo(position, positions[position], named, "the position", flag);
    return positions[position] ?? named;
  });
  if (model !== undefined) return { model, output };
  throw new OptionError(
    "no model is named",
    "See lsg convert --help: the model comes first, then the output.",
  );
}

/** @throws OptionError for two names of one thing */
function refuseTwo(
  what: Position,
  one: string | undefined,
  other: string | undefined,
  ...[where, elsewhere]: [string, string]
): void {
  if (one === undefined || other === undefined || resolve(one) === resolve(other)) return;
  throw new OptionError(
    `two ${what}s are named: ${one} (${where}) and ${other} (${elsewhere})`,
    `Leave one of them out; the model is the first position, the output the second.`,
  );
}
