import { printable } from "./printable.js";

/**
 * Text of a model that Markdown shows as it is. Underscores within words mean nothing there and stay, so that names of
 * tensors can be read in the source too; the colon of a URL and the dot of www. would make a link, colons around a word
 * an emoji.
 */
export function escapeMarkdown(text: string): string {
  return printable(text)
    .replace(/[\\`*[\]<>|~$&#]|(?<!\w)_|_(?!\w)|:(?=\/\/|[\w+-]+:)|(?<=\bwww)\.|@(?=\w)/gi, (c) =>
      c === "@" ? "@<!-- -->" : `\\${c}`,
    )
    .replace(/^(\s*)([-+=])(?!\d)/, "$1\\$2")
    .replace(/^(\s*\d+)([.)])(?!\d)/, "$1\\$2");
}

/**
 * Text of a model as Markdown's code, also in a cell of a table. What would end the code or the cell is written in HTML:
 * renderers do not agree on where a table ends behind `\\|`.
 */
export function markdownCode(text: string): string {
  const shown = printable(text);
  if (!/^$|^\s|\s$|[`|\\]/.test(shown)) return `\`${shown}\``;
  return `<code>${shown.replace(/[!-/:-@[-`{-~]/g, (character) => `&#${character.charCodeAt(0)};`)}</code>`;
}
