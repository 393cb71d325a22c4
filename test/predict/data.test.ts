import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { findColumns, inputOf } from "../../src/predict/data/columns.js";
import { type DataOptions, type DataRow, readRows } from "../../src/predict/data/rows.js";
import type { PredictionKind } from "../../src/predict/kinds.js";
import { temporaryFolder } from "../support/fixtures.js";

/** Lines and fields of a file. */
async function rowsOf(name: string, content: string | Buffer, options: DataOptions = {}) {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  const rows: Omit<DataRow, "file">[] = [];
  for await (const { line, fields } of readRows(path, options)) rows.push({ line, fields: { ...fields } });
  return rows;
}

describe("rows of", () => {
  test.each([
    ["JSONL", "a.jsonl", '{"text":"a","n":1}\n\n{"text":"ü"}', [1, { text: "a", n: 1 }], [3, { text: "ü" }]],
    ["JSONL of strings", "a.ndjson", '"a"\r\n"b"\r\n', [1, { text: "a" }], [2, { text: "b" }]],
    ["JSONL by its beginning", "a.data", ' {"x":"a"}', [1, { x: "a" }]],
    [
      "CSV",
      "a.csv",
      'id,text\r\n1,"a, ""b""\r\nc"\r\n2,d\r\n',
      [2, { id: "1", text: 'a, "b"\r\nc' }],
      [4, { id: "2", text: "d" }],
    ],
    ["CSV with semicolons", "a.csv", "id;text\n1;a,b\n", [2, { id: "1", text: "a,b" }]],
    ["TSV", "a.tsv", "id\ttext\n1\ta;b,c\n", [2, { id: "1", text: "a;b,c" }]],
    ["text", "a.txt", "a\r\n\n b \nc", [1, { text: "a" }], [3, { text: " b " }], [4, { text: "c" }]],
    ["nothing", "a.csv", ""],
    ["a header alone", "a.csv", "a,b\n"],
  ] as const)("%s", async (_, name, content, ...expected) => {
    const rows = expected.map(([line, fields]) => ({ line, fields }));
    expect(await rowsOf(name, content)).toEqual(rows);
    // A byte order mark is no part of it, nor is packing.
    expect(await rowsOf(name, `\ufeff${content}`)).toEqual(rows);
    expect(await rowsOf(`${name}.gz`, gzipSync(content))).toEqual(rows);
  });

  test("a text that is one document", async () => {
    expect(await rowsOf("a.txt", "a\r\n\r\nb\n", { documents: "files" })).toEqual([
      { line: 1, fields: { text: "a\n\nb\n" } },
    ]);
  });

  test("text that comes in pieces within characters and line ends", async () => {
    const line = `${"ä😀".repeat(30_000)}\r\n`;
    const rows = await rowsOf("a.txt", line.repeat(3));
    expect(rows).toEqual([1, 2, 3].map((number) => ({ line: number, fields: { text: line.trimEnd() } })));
  });
});

describe("what is wrong with data is told with its line", () => {
  test.each([
    ["bad JSON", "a.jsonl", '{"a":1}\n{bad}\n', "a.jsonl, line 2 is not JSON"],
    ["a list", "a.json", '[{"a":1}]', "is one JSON list"],
    ["a list over lines", "a.json", '[\n{"a":1}\n]', "is one JSON list"],
    ["a number", "a.jsonl", "{}\n3\n", "line 2 holds 3, expected an object or a string"],
    ["two columns of a name", "a.csv", "a,b,a\n1,2,3\n", 'line 1: two columns are called "a"'],
    ["fields too few", "a.csv", 'a,b\n"x\ny",2\n3\n', "line 4 is not CSV: it has another number of fields"],
    ["an open quote", "a.csv", 'a,b\n1,"2\n', "a quote that was opened is not closed"],
    ["bytes that are no text", "a.txt", Buffer.from([0x61, 0x0a, 0xff, 0x0a]), "it is not UTF-8"],
    ["half a character", "a.txt", Buffer.from([0x61, 0xe2, 0x82]), "it is not UTF-8"],
    ["UTF-16", "a.txt", Buffer.from("\ufeffa", "utf16le"), "is UTF-16"],
    ["a damaged archive", "a.gz", gzipSync("abc").subarray(0, 15), "is gzipped, and damaged"],
  ])("%s", async (_, name, content, message) => {
    await expect(rowsOf(name, content)).rejects.toThrow(message);
  });

  test("no such file", async () => {
    const reading = readRows(join(await temporaryFolder(), "none.csv")).next();
    await expect(reading).rejects.toThrow("none.csv cannot be read: it does not exist");
  });
});

describe("columns", () => {
  const row = (fields: Record<string, unknown>): DataRow => ({ file: "a.jsonl", line: 7, fields });

  test.each<[PredictionKind, Record<string, unknown>, object]>([
    ["classes", { idx: 1, text: "a", label: 0 }, { kind: "text", text: "a" }],
    ["classes", { sentence1: "a", sentence2: "b" }, { kind: "text", text: "a", pair: "b" }],
    ["classes", { premise: "a", hypothesis: "b" }, { kind: "text", text: "a", pair: "b" }],
    ["classes", { query: "a", document: "b" }, { kind: "text", text: "a", pair: "b" }],
    ["classes", { Befund: "a", label: "x", _id: "3" }, { kind: "text", text: "a" }],
    ["entities", { tokens: ["a", "b"], ner_tags: [0, 1] }, { kind: "words", words: ["a", "b"] }],
    ["answer", { id: "1", question: "a", context: "b", title: "c" }, { kind: "text", text: "a", pair: "b" }],
    [
      "choice",
      { sent1: "a", ending0: "b", ending1: "c" },
      { kind: "choices", text: "a", choices: ["b", "c"] },
    ],
    ["choice", { question: "a", choices: ["b", "c"] }, { kind: "choices", text: "a", choices: ["b", "c"] }],
    ["text", { article: "a", highlights: "b" }, { kind: "text", text: "a" }],
    ["embedding", { text: "a", other: "b" }, { kind: "text", text: "a" }],
  ])("of %s among %j", (kind, fields, expected) => {
    const one = row(fields);
    expect(inputOf(one, findColumns(kind, one))).toEqual(expected);
  });

  test("that are named", () => {
    const one = row({ text: "a", Frage: "b", Akte: "c" });
    const options = { textColumn: "Frage", pairColumn: "Akte" };
    for (const kind of ["classes", "answer"] as const) {
      expect(inputOf(one, findColumns(kind, one, options))).toEqual({ kind: "text", text: "b", pair: "c" });
    }
  });

  test("that are not there are named, with those that are", () => {
    const one = row({ a: "x", b: "y" });
    expect(() => findColumns("classes", one)).toThrow(
      'a.jsonl, line 7: there is no column of texts among the columns "a", "b"',
    );
    expect(() => findColumns("answer", one)).toThrow("questions and their contexts");
    expect(() => findColumns("classes", one, { textColumn: "c" })).toThrow('called "c" (--text-column)');
  });

  test("a row that lacks its text is named", () => {
    const columns = findColumns("classes", row({ text: "a" }));
    expect(() => inputOf(row({ text: 3 }), columns)).toThrow(
      'line 7: column "text" holds 3, expected a text',
    );
    expect(() => inputOf(row({ other: "a" }), columns)).toThrow('line 7: column "text" is missing');
  });
});
