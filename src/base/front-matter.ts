import type { Document } from "yaml";
import { yamlDocument } from "./yaml.js";

/** A model card in its two parts. */
export interface FrontMatter {
  /** The YAML between two lines of --- at the beginning, its faults among its errors; empty where there is none. */
  readonly metadata: Document;
  readonly body: string;
}

/** Takes a model card apart. */
export function splitFrontMatter(card: string): FrontMatter {
  const match = /^\ufeff?---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/.exec(card);
  return { metadata: yamlDocument(match?.[1] ?? ""), body: card.slice(match?.[0].length ?? 0) };
}
