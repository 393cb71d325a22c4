import { OptionError } from "../../base/errors.js";
import type { DataRow } from "../../predict/data/rows.js";

/** Names of columns that hold what is right, as `datasets` and MTEB have them; the first that is there counts. */
export const GOLD_COLUMNS = {
  class: ["label", "labels", "label_text", "target", "category", "class"],
  tags: ["ner_tags", "tags", "labels", "pos_tags", "chunk_tags"],
  answers: ["answers", "answer"],
  summary: ["summary", "highlights", "abstract", "target"],
  positive: ["positive", "positives", "pos"],
  negative: ["negative", "negatives", "neg"],
  query: ["query", "queries", "anchor", "question"],
} as const;

/** The first of some columns that rows have. */
export function findColumn(row: DataRow, names: readonly string[]): string | undefined {
  return names.find((name) => row.fields[name] !== undefined && row.fields[name] !== null);
}

/** @throws OptionError that names file and line */
export function refuseRow({ file, line }: DataRow, what: string, remedy?: string): never {
  throw new OptionError(`${file}, line ${line}: ${what}`, remedy);
}

/** A value of a row as a list of texts: one text is a list of one; CSV has lists as JSON. */
export function textsOf(row: DataRow, column: string): string[] {
  const value = listOf(row.fields[column]);
  if (value.every((one): one is string => typeof one === "string")) return value;
  return refuseRow(row, `${column} is neither a text nor a list of texts`);
}

/** A value of a row as a list. */
export function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined || value === null) return [];
  if (typeof value === "string" && /^\s*\[/.test(value)) {
    try {
      const parsed: unknown = JSON.parse(value);
      if (Array.isArray(parsed)) return parsed;
    } catch {
      // A text that begins with a bracket.
    }
  }
  return [value];
}

/**
 * The number of a label, which data give by the model's name of it or by the number itself.
 * @param labels the model's, by their number
 */
export function labelNumber(row: DataRow, column: string, value: unknown, labels: readonly string[]): number {
  const text = String(value).trim();
  const byName = labels.indexOf(text);
  if (byName >= 0) return byName;
  const folded = labels.findIndex((label) => label.toLowerCase() === text.toLowerCase());
  if (folded >= 0) return folded;
  const number = typeof value === "boolean" ? Number(value) : Number(text);
  if (text !== "" && Number.isInteger(number) && number >= 0 && number < labels.length) return number;
  return refuseRow(
    row,
    `${column} is ${JSON.stringify(value)}, and the model's labels are ${labels.slice(0, 12).join(", ")}`,
    "Use the labels that the model was trained with, or their numbers.",
  );
}
