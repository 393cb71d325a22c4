import { OptionError } from "../../base/errors.js";
import { isRecord } from "../../json/json-edit.js";
import type { DataFormat } from "../../options/reading.js";
import { readCsv } from "./csv.js";
import { readText, STDIN, titleOfFile } from "./input-bytes.js";
import { linesOf, MAX_CHARACTERS, tooLong } from "./lines.js";

/** One document of a file, with what else stands beside it. */
export interface DataRow {
  /** The file as it was named; `stdin`. */
  readonly file: string;
  /** Where it begins, from 1 on. */
  readonly line: number;
  /** By the columns' names: strings of CSV and of text, whose column is `text`; any JSON of JSONL. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface DataOptions {
  /** By default what the file's name says; of stdin and other names the first character, `{` for JSONL. */
  readonly format?: DataFormat | undefined;
  /** Of text; lines by default, of which empty ones are none. */
  readonly documents?: "lines" | "files" | undefined;
  readonly signal?: AbortSignal | undefined;
}

const FORMAT_OF_ENDING: Readonly<Record<string, DataFormat>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "jsonl",
  csv: "csv",
  tsv: "tsv",
  txt: "text",
};

/** What a text is called that has no columns. */
export const TEXT_COLUMN = "text";

/** For messages: `data.jsonl, line 3`. */
export function placeOf({ file, line }: Pick<DataRow, "file" | "line">): string {
  return `${file}, line ${line}`;
}

/**
 * Reads rows one after the other, of a file of any size in little memory: JSONL, CSV or TSV with a header, plain text;
 * gzipped too.
 * @param path `-` for stdin
 * @throws OptionError that names file and line, for one that cannot be read or is not of its format
 */
export async function* readRows(path: string, options: DataOptions = {}): AsyncGenerator<DataRow> {
  const { documents = "lines", signal } = options;
  const file = titleOfFile(path);
  const text = await begun(readText(path, signal));
  const format = options.format ?? formatOf(path, text.beginning);
  switch (format) {
    case "jsonl":
      for await (const { line, text: json } of linesOf(text.whole(), file)) {
        if (json.trim() !== "") yield { file, line, fields: fieldsOf(json, { file, line }) };
      }
      return;
    case "csv":
    case "tsv":
      for await (const row of readCsv(text.whole(), {
        file,
        separator: format === "tsv" ? "\t" : undefined,
      })) {
        yield { file, ...row };
      }
      return;
    case "text":
      if (documents === "files") {
        yield { file, line: 1, fields: { [TEXT_COLUMN]: await wholeText(text.whole(), file) } };
        return;
      }
      for await (const { line, text: document } of linesOf(text.whole(), file)) {
        if (document.trim() !== "") yield { file, line, fields: { [TEXT_COLUMN]: document } };
      }
  }
}

/** The rows of several files, one file after the other. */
export async function* readAllRows(
  paths: readonly string[],
  options: DataOptions = {},
): AsyncGenerator<DataRow> {
  for (const path of paths) yield* readRows(path, options);
}

function formatOf(path: string, beginning: string): DataFormat {
  const [, ending = ""] = /\.([a-z]+)(?:\.gz)?$/i.exec(path) ?? [];
  const known = FORMAT_OF_ENDING[ending.toLowerCase()];
  return (path === STDIN ? undefined : known) ?? (beginning.trimStart().startsWith("{") ? "jsonl" : "text");
}

function fieldsOf(json: string, place: Pick<DataRow, "file" | "line">): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const isList = place.line === 1 && json.trimStart().startsWith("[");
    const reason = error instanceof Error ? error.message : String(error);
    throw isList ? oneList(place.file) : new OptionError(`${placeOf(place)} is not JSON: ${reason}`);
  }
  if (isRecord(value)) return value;
  if (typeof value === "string") return { [TEXT_COLUMN]: value };
  if (Array.isArray(value) && place.line === 1) throw oneList(place.file);
  throw new OptionError(
    `${placeOf(place)} holds ${JSON.stringify(value).slice(0, 40)}, expected an object or a string`,
  );
}

function oneList(file: string): OptionError {
  return new OptionError(
    `${file} is one JSON list, expected an object on each line`,
    `Write it so: jq -c '.[]' ${file} > rows.jsonl`,
  );
}

/** A text whose beginning is known, and which is read on from there. */
async function begun(text: AsyncGenerator<string>) {
  const pieces: string[] = [];
  for (let next = await text.next(); !next.done; next = await text.next()) {
    pieces.push(next.value);
    if (next.value.trim() !== "") break;
  }
  return {
    beginning: pieces.join(""),
    async *whole() {
      try {
        yield* pieces;
        yield* text;
      } finally {
        // Also where whoever reads stops at what was read ahead.
        await text.return(undefined);
      }
    },
  };
}

async function wholeText(text: AsyncIterable<string>, file: string): Promise<string> {
  const pieces: string[] = [];
  let length = 0;
  for await (const piece of text) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_CHARACTERS) throw tooLong(file);
  }
  return pieces.join("").replaceAll("\r\n", "\n");
}
