import { Readable } from "node:stream";
import { OptionError } from "../../base/errors.js";
import { MAX_CHARACTERS } from "./lines.js";

/** Characters that may stand between two fields. */
const SEPARATORS = [",", ";", "\t"];

interface CsvOptions {
  readonly file: string;
  /** By default what stands most often in the header, outside of quotes. */
  readonly separator: string | undefined;
}

/**
 * Rows of CSV, whose first line names the columns; fields in quotes may hold line ends.
 * @throws OptionError that names file and line
 */
export async function* readCsv(
  text: AsyncIterable<string>,
  { file, separator }: CsvOptions,
): AsyncGenerator<{ readonly line: number; readonly fields: Readonly<Record<string, string>> }> {
  // Only here: what reads no CSV needs no reader of it.
  const { parse } = await import("csv-parse");
  const { header, whole } = await withHeader(text);
  if (header === "") return;
  let columns: string[] = [];
  // The parser counts two lines for each \r\n in quotes.
  let counted = 0;
  const parser = parse({
    bom: true,
    delimiter: separator ?? likeliestSeparator(header),
    info: true,
    max_record_size: MAX_CHARACTERS,
    skip_empty_lines: true,
    columns: (names: string[]) => {
      columns = names.map((name) => name.trim());
      requireNames(columns, file);
      return columns;
    },
  });
  const source = Readable.from(whole());
  source.on("error", (error) => parser.destroy(error));
  try {
    for await (const { record, info } of source.pipe(parser) as AsyncIterable<CsvRecord>) {
      const within = Object.values(record).flatMap((field) => field.match(/\r\n|\n|\r/g) ?? []);
      counted += within.filter((end) => end === "\r\n").length;
      const line = info.lines - counted - within.length;
      yield { line, fields: record };
    }
  } catch (error) {
    const { code, message, lines = 1 } = error as Error & { code?: string; lines?: number };
    if (!code?.startsWith("CSV_")) throw error;
    const reason = REASONS[code] ?? message;
    throw new OptionError(`${file}, line ${lines - counted} is not CSV: ${reason}`, REMEDY);
  } finally {
    source.destroy();
  }
}

interface CsvRecord {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number };
}

const REASONS: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_COLUMNS: "it has another number of fields than the header",
  CSV_QUOTE_NOT_CLOSED: "a quote that was opened is not closed to the end of the file",
  CSV_MAX_RECORD_SIZE: `a record is longer than ${MAX_CHARACTERS} characters`,
};

const REMEDY =
  'Fields that hold separators, quotes or line ends stand in quotes, and quotes in them twice: "".';

function requireNames(columns: readonly string[], file: string): void {
  const twice = columns.find((name, i) => columns.indexOf(name) < i);
  if (twice !== undefined) {
    throw new OptionError(
      `${file}, line 1: ${twice === "" ? "two columns have no name" : `two columns are called "${twice}"`}`,
      "The first line names the columns, each once.",
    );
  }
}

/** Reads on until the header is there. */
async function withHeader(text: AsyncIterable<string>) {
  const pieces: string[] = [];
  const iterator = text[Symbol.asyncIterator]();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    pieces.push(next.value);
    if (next.value.includes("\n")) break;
  }
  const [header = ""] = pieces.join("").trimStart().split("\n", 1);
  return {
    header,
    async *whole() {
      try {
        yield* pieces;
        for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
      } finally {
        await iterator.return?.();
      }
    },
  };
}

function likeliestSeparator(header: string): string {
  const outside = header.replaceAll(/"[^"]*"/g, "");
  const counts = SEPARATORS.map((separator) => outside.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ",";
}
