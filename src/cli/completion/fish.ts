import type { CompletedFlag, CompletedVerb, Completion } from "./describe.js";

/** A script for fish: descriptions beside the words, file names where there is no list. */
export function fishScript({ name, verbs }: Completion): string {
  const isFirst = quote("__fish_use_subcommand");
  const lines = verbs.flatMap((verb) => [
    `complete -c ${name} -n ${isFirst} -f -a ${verb.name} -d ${quote(verb.summary)}`,
    ...verbLines(name, verb),
  ]);
  return `# Completion of ${name} for fish.\n${lines.join("\n")}\n`;
}

function verbLines(program: string, { name, flags, choices }: CompletedVerb): string[] {
  const start = `complete -c ${program} -n ${quote(`__fish_seen_subcommand_from ${name}`)}`;
  const first = choices.length > 0 ? [`${start} -f -a ${quote(choices.join(" "))}`] : [];
  return [...first, ...flags.map((flag) => `${start} ${flagWords(flag)}`)];
}

function flagWords({ name, description, takesValue, choices }: CompletedFlag): string {
  const value = choices.length > 0 ? ` -x -a ${quote(choices.join(" "))}` : takesValue ? " -r" : "";
  return `-l ${name.replace(/^--/, "")}${value} -d ${quote(description.replaceAll("\n", " "))}`;
}

/** Inside single quotes fish knows two escapes. */
function quote(text: string): string {
  return `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}
