import type { CompletedFlag, CompletedVerb, Completion } from "./describe.js";

/** A script for zsh: descriptions beside the words, file names where there is no list. */
export function zshScript({ name, verbs }: Completion): string {
  const summaries = verbs.map((verb) => `    ${quote(`${verb.name}:${verb.summary}`)}`);
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
${verbs.map(verbCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function verbCase({ name, flags, choices }: CompletedVerb): string {
  const rest = choices.length > 0 ? `*: :(${choices.join(" ")})` : "*: :_files";
  const specs = [...flags.map(flagSpec), rest].map((spec) => `        ${quote(spec)}`);
  return `    ${name})\n      _arguments \\\n${specs.join(" \\\n")}\n      ;;`;
}

function flagSpec({ name, description, takesValue, choices }: CompletedFlag): string {
  const text = `[${description.replace(/[[\]\\:]/g, (character) => `\\${character}`).replaceAll("\n", " ")}]`;
  if (choices.length > 0) return `${name}=${text}:value:(${choices.join(" ")})`;
  return takesValue ? `${name}=${text}:value:_files` : `${name}${text}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
