/**
 * What a reader cannot see and a terminal, a browser or a parser may act upon: control characters (an escape sequence in
 * a token would take over the terminal), halves of surrogate pairs, what turns the reading direction, what has no width,
 * ends of lines that only some programs know, and what XML does not allow.
 */
const UNPRINTABLE = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]`;

/** What holds an emoji together has no width either, and is seen all the same. */
const IN_EMOJI = String.raw`(?<=\p{Extended_Pictographic})\ufe0f|(?<=\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?)\u200d(?=\p{Extended_Pictographic})`;

const ALL_UNPRINTABLE = new RegExp(`(${IN_EMOJI})|${UNPRINTABLE}`, "gu");

/** Ends of lines are those between JSON's values: within texts it escapes them itself. */
const UNPRINTABLE_IN_JSON = new RegExp(`(?!\n)${UNPRINTABLE}`, "gu");

/** Of documents, which are in any script: what does something to a terminal or to the order of what is read. */
const ACTING = /(?![\t\r\n])[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu;

/** What no path of a file needs, and every list of paths trips over. */
const UNFIT_FOR_PATHS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** The `#` of `##[add-mask]` (GitHub), `##vso[task.setvariable]` (Azure), `##teamcity[…]`, wherever in a line they stand. */
const RUNNER_MARK = /#(?=#\w*\[)/g;

/** The first `:` of `::set-output …`, with which a line begins; GitHub's runner obeys it behind spaces too. */
const RUNNER_LINE = /^(\s*):(?=:)/;

const SHORT: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/**
 * Text of a model or of a file as one line that shows what it holds and does nothing, on a terminal or in the log of a
 * machine that runs CI jobs: what cannot be seen is written as JSON and JavaScript write it, `\n`, `\u001b`, `\u{e0041}`.
 * It is not taken out, because two names that differ are to look different.
 */
export function printable(text: string): string {
  return text
    .replace(ALL_UNPRINTABLE, (character, emoji?: string) => emoji ?? escaped(character))
    .replace(RUNNER_MARK, codeUnit)
    .replace(RUNNER_LINE, (_, indent: string) => indent + codeUnit(":"));
}

export function isPrintable(text: string): boolean {
  return printable(text) === text;
}

/** A document of many lines, a model card, without what acts. */
export function printableDocument(text: string): string {
  return text.replace(ACTING, escaped);
}

/** The first character in a path that no path needs, as `printable` shows it. */
export function unfitForPaths(path: string): string | undefined {
  const [character] = UNFIT_FOR_PATHS.exec(path) ?? [];
  return character && escaped(character);
}

/**
 * A value as JSON that a terminal or a log shows without obeying it; parsed, it gives the same value.
 * @param indent 0 for one line
 */
export function printableJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent)
    .replace(UNPRINTABLE_IN_JSON, (character) => character.split("").map(codeUnit).join(""))
    .replace(RUNNER_MARK, codeUnit);
}

const ESCAPE = "\u001b";

/** Sets and resets colours and bold type, which only a terminal gets. */
const COLOUR = new RegExp(`(${ESCAPE}\\[(?:1|22|3\\d)m)`);

/**
 * Writes lines for people. What a printer forgot to escape does nothing here either: of what acts on terminals only line
 * ends pass, and colours to a terminal; of what acts on the machines that run CI jobs and read their logs, nothing.
 */
export function tell(stream: Pick<NodeJS.WriteStream, "write" | "isTTY">, text: string): void {
  stream.write(
    text
      .split("\n")
      .map(stream.isTTY ? colouredLine : printable)
      .join("\n"),
  );
}

function colouredLine(text: string): string {
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join("");
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return SHORT[character] ?? (code > 0xffff ? `\\u{${code.toString(16)}}` : codeUnit(character));
}

function codeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
