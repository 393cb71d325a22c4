import { OptionError } from "../../base/errors.js";

/** Characters of the longest line, and of the longest file that is one document: a book has some millions. */
export const MAX_CHARACTERS = 1 << 26;

/**
 * The lines of a text that comes in pieces, without what ends them: `\n` or `\r\n`.
 * @param title of the file
 * @throws OptionError for a line that is too long
 */
export async function* linesOf(
  text: AsyncIterable<string>,
  title: string,
): AsyncGenerator<{ readonly line: number; readonly text: string }> {
  let parts: string[] = [];
  let length = 0;
  let line = 1;
  const take = () => {
    const text = parts.join("").replace(/\r$/, "");
    [parts, length] = [[], 0];
    return { line: line++, text };
  };
  for await (const piece of text) {
    let start = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", start)) {
      parts.push(piece.slice(start, end));
      start = end + 1;
      yield take();
    }
    parts.push(piece.slice(start));
    length += piece.length - start;
    if (length > MAX_CHARACTERS) throw tooLong(`${title}, line ${line}`);
  }
  if (parts.some((part) => part !== "")) yield take();
}

/** @param where file and line */
export function tooLong(where: string): OptionError {
  return new OptionError(
    `${where} is longer than ${MAX_CHARACTERS} characters`,
    "A document stands on one line: break the text up into documents.",
  );
}
