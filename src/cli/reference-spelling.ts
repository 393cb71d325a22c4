/**
 * lsg-converter's command line, made equal to ours: `--initial_model X --model_name Y`, snake_case flags,
 * `--use_token_ids False`, `--no_use_token_ids`, and one JSON file of arguments.
 */

/** Values of a boolean flag, as the reference reads them. */
const BOOLEAN = /^(true|false|yes|no|t|f|y|n|1|0)$/i;
const TRUE = /^(true|yes|t|y|1)$/i;

/** Behind flags that the reference does not have, a `1` or an `n` is a folder. */
const SPELT_OUT = /^(true|false)$/i;

/** The token is always read from the environment. */
const IGNORED = "--use-auth-token";

/** The reference's boolean flags: they may take a value, and ours take none. */
const SWITCHES = [
  IGNORED,
  "--keep-first-global-token",
  "--random-global-init",
  "--resize-lsg",
  "--run-test",
  "--use-token-ids",
];

/**
 * Rewrites arguments in the reference's spelling; others stay as they are.
 * @param args arguments of `lsg convert`
 * @param booleans our boolean flags, kebab-case without dashes
 */
export function normaliseSpelling(args: readonly string[], booleans: ReadonlySet<string>): string[] {
  const result: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") return [...result, arg, ...rest];
    if (!arg.startsWith("--")) {
      result.push(arg);
      continue;
    }
    const [flag = "", inline] = split(arg);
    if (flag === IGNORED || booleans.has(flag.slice(2))) {
      const values = SWITCHES.includes(flag) ? BOOLEAN : SPELT_OUT;
      const value = inline ?? (values.test(rest[0] ?? "") ? rest.shift() : undefined);
      if (flag !== IGNORED) result.push(...booleanFlag(flag, value));
    } else {
      result.push(inline === undefined ? flag : `${flag}=${inline}`);
    }
  }
  return result;
}

/**
 * The reference's JSON file of arguments as a command line.
 * @param values the parsed file: argument names to values
 */
export function fileArguments(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value === null || value === undefined) return [];
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return [`--${key}=${typeof value === "boolean" ? (value ? "True" : "False") : text}`];
  });
}

/** `--block_size=32` → [`--block-size`, `32`]. */
function split(arg: string): [flag: string, value: string | undefined] {
  const equals = arg.indexOf("=");
  const name = equals === -1 ? arg : arg.slice(0, equals);
  return [name.replaceAll("_", "-"), equals === -1 ? undefined : arg.slice(equals + 1)];
}

/** Our form of a boolean flag. A value that is none stays, so that its error names it. */
function booleanFlag(flag: string, value: string | undefined): string[] {
  if (value === undefined || TRUE.test(value)) return [flag];
  return BOOLEAN.test(value) ? [flag.replace(/^--/, "--no-")] : [`${flag}=${value}`];
}
