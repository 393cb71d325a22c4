import { largestOf } from "../base/extremes.js";

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns that a text takes on a terminal: predictions of a model may be in any script. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Filled up with spaces to `width` columns. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** Cut to `width` columns, with an ellipsis where something was cut. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (textWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The width of each column of a table, in columns of a terminal. */
export function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const count = largestOf(rows.map((row) => row.length));
  return Array.from({ length: count }, (_, i) => largestOf(rows.map((row) => textWidth(row[i] ?? ""))));
}

/** A table's rows as lines: cells are cut or filled up to the width of their column, with two spaces between them. */
export function columnLines(
  rows: readonly (readonly string[])[],
  widths: readonly number[] = columnWidths(rows),
): string[] {
  return rows.map((row) =>
    widths
      .map((width, i) => pad(cut(row[i] ?? "", width), width))
      .join("  ")
      .trimEnd(),
  );
}

/** Lines of at most `width` columns. A longer word stays whole: it is a path or a command to be copied. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
