import { OptionError } from "../../base/errors.js";

/** One document of a file, with what else stands beside it. */
export interface DataRow {
  /** As it was named; `-` is stdin. */
  readonly file: string;
  /** Where it begins, from 1 on. */
  readonly line: number;
  /** By the columns' names: strings of CSV and of text, whose column is `text`; any JSON of JSONL. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How a file's text becomes rows. */
export const DATA_FORMATS = ["jsonl", "csv", "tsv", "text"] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

export interface DataOptions {
  /** By default what the file's name ends with says; of stdin and other names the first character, `{` for JSONL. */
  readonly format?: DataFormat | undefined;
  /** Of text: whether each line is a document, or the whole file. */
  readonly documents?: "lines" | "files" | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads rows one after the other, of a file of any size in little memory: JSONL, CSV or TSV with a header, plain text; gzipped too.
 * @param path `-` for stdin
 * @throws OptionError that names file and line, for one that cannot be read or is not of its format
 */
// biome-ignore lint/correctness/useYield: it is to be written
export async function* readRows(path: string, _options: DataOptions = {}): AsyncGenerator<DataRow> {
  throw new OptionError(`${path}: not yet`);
}
