import { printable } from "../base/printable.js";

/** HTML or SVG that is safe to put into a page. */
export interface Markup {
  readonly markup: string;
}

type Part = string | number | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A template whose values are escaped, in elements and in quoted attributes, unless they are markup already.
 */
export function markup(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return {
    markup: texts.map((text, i) => text + (i < parts.length ? written(parts[i] ?? "") : "")).join(""),
  };
}

function written(part: Part): string {
  if (typeof part === "object") return "markup" in part ? part.markup : part.map(written).join("");
  return printable(String(part)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
