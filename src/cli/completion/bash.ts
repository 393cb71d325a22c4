import type { CompletedVerb, Completion } from "./describe.js";

/** A script for bash: words from lists, file names where there is no list. */
export function bashScript({ name, verbs }: Completion): string {
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
${verbs.map(verbCase).join("\n")}
        esac
        ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _${name} ${name}
`;
}

function verbCase({ name, flags, choices }: CompletedVerb): string {
  const names = flags.map((flag) => flag.name).join(" ");
  const first = choices.length > 0 ? `((COMP_CWORD == 2)) && words="${choices.join(" ")}"; ` : "";
  return `          ${name}) ${first}[[ $cur == -* ]] && words="${names}" ;;`;
}
