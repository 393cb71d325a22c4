import type { PredictionKind } from "../kinds.js";
import type { ModelInput } from "../types.js";
import type { DataRow } from "./rows.js";

/** Columns that the user names, where guesses fail. */
export interface ColumnOptions {
  /** What the model reads: a text, the first of a pair, a question, a query, words. */
  readonly textColumn?: string | undefined;
  /** The second text: a hypothesis, a context, a document. */
  readonly pairColumn?: string | undefined;
}

/** The columns that a model's input is made of. */
export interface Columns {
  readonly text: string;
  readonly pair: string | undefined;
  /** Of words that are split already. */
  readonly isWords: boolean;
  /** Several texts behind the first, one column each or one with a list. */
  readonly choices: readonly string[] | undefined;
}

/**
 * Finds the columns of a model's input by the names that `datasets` has for them.
 * @param first the first row, whose columns count
 * @throws OptionError that lists the columns which are there, where none or several would do
 */
export function findColumns(_kind: PredictionKind, _first: DataRow, _options: ColumnOptions = {}): Columns {
  throw new Error("not yet");
}

/** What a model reads of a row. @throws OptionError that names file and line, where a column is missing or no text */
export function inputOf(_row: DataRow, _columns: Columns): ModelInput {
  throw new Error("not yet");
}
