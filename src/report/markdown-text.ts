import type { Table } from "./table.js";
import { printable } from "./text.js";

/**
 * Text that Markdown shows as it is. Underscores within words mean nothing there and stay, so that names of
 * tensors can be read in the source too; the colon of a URL and the dot of www. would make a link.
 */
export function escapeMarkdown(text: string): string {
  return printable(text)
    .replace(/[\\`*[\]<>|~$&#]|(?<!\w)_|_(?!\w)|:(?=\/\/)|(?<=\bwww)\.|@(?=\w)/gi, (c) =>
      c === "@" ? "@<!-- -->" : `\\${c}`,
    )
    .replace(/^(\s*)([-+=])(?!\d)/, "$1\\$2")
    .replace(/^(\s*\d+)([.)])(?!\d)/, "$1\\$2");
}

export function markdownTable({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  return [line(head), `| ${head.map(() => "---").join(" | ")} |`, ...rows.map(line)].join("\n");
}
