import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { OptionError } from "../../base/errors.js";
import { type DataRow, readRows } from "../../predict/data/rows.js";
import { findColumn, GOLD_COLUMNS, listOf, refuseRow, textsOf } from "./columns.js";

export interface Query {
  readonly id: string;
  readonly text: string;
  /** Ids of the documents that are ranked. */
  readonly candidates: readonly string[];
  /** How relevant documents are, by id; what is not there is not. */
  readonly relevance: ReadonlyMap<string, number>;
}

/** Documents, and queries that are to find some of them. */
export interface Collection {
  readonly documents: ReadonlyMap<string, string>;
  readonly queries: readonly Query[];
}

/** A reranker that is given no candidates reads each query with each document. */
const NAMES = { corpus: "corpus", queries: "queries", qrels: "qrels", candidates: "top_ranked" } as const;

/** Columns of the second text, where each row has one candidate and whether it is relevant. */
const CANDIDATE_COLUMNS = ["document", "passage", "doc", "text", "sentence2", "context"];
const RELEVANCE_COLUMNS = ["label", "score", "relevance"];

/**
 * Reads a folder as MTEB and BEIR have it: `corpus.jsonl` (`_id` or `id`, `title`, `text`), `queries.jsonl` (`_id` or
 * `id`, `text`), `qrels.tsv` or `.jsonl` (`query-id`, `corpus-id`, `score`; or in a folder `qrels`), and perhaps
 * `top_ranked.jsonl` (`query-id`, `corpus-ids`): the candidates of each query, by default all documents.
 * @throws OptionError for a file that is missing, or that names what is not there
 */
export async function readCollection(folder: string): Promise<Collection> {
  const rowsOf = async (name: string) => {
    const path = await findFile(folder, name);
    return path === undefined ? undefined : all(readRows(path));
  };
  const required = async (name: string) => {
    const rows = await rowsOf(name);
    if (rows) return rows;
    throw new OptionError(
      `${folder} has no ${name}.jsonl`,
      "A folder of data has corpus.jsonl, queries.jsonl and qrels.tsv, as MTEB has them. Else name a file.",
    );
  };
  const [corpus, texts, qrels] = [
    await required(NAMES.corpus),
    await required(NAMES.queries),
    await required(NAMES.qrels),
  ];
  const documents = new Map(corpus.map((row) => [idOf(row), documentText(row)]));
  const relevance = new Map<string, Map<string, number>>();
  for (const row of qrels) {
    const [query, document] = [keyOf(row, "query-id"), keyOf(row, "corpus-id")];
    if (!documents.has(document)) refuseRow(row, `corpus-id ${document} is not in the corpus`);
    const grade = Number(row.fields.score ?? 1);
    if (!Number.isFinite(grade)) refuseRow(row, `score is ${JSON.stringify(row.fields.score)}, no number`);
    const own = relevance.get(query) ?? new Map<string, number>();
    relevance.set(query, own.set(document, grade));
  }
  const ranked = new Map(
    (await rowsOf(NAMES.candidates))?.map((row) => [
      keyOf(row, "query-id"),
      listOf(row.fields["corpus-ids"]).map(String),
    ]),
  );
  const everything = [...documents.keys()];
  const queries = texts.flatMap((row): Query[] => {
    const id = idOf(row);
    const own = relevance.get(id);
    // As MTEB, which leaves queries without a judgement aside.
    if (!own) return [];
    const candidates = ranked.get(id) ?? everything;
    const unknown = candidates.find((one) => !documents.has(one));
    if (unknown !== undefined) refuseRow(row, `candidate ${unknown} is not in the corpus`);
    return [{ id, text: textsOf(row, "text").join(" "), candidates, relevance: own }];
  });
  if (queries.length > 0) return { documents, queries };
  throw new OptionError(`${folder}: none of the queries is judged in qrels`);
}

/**
 * The collection that rows with queries are: `query` and `positive`, a text or several, and perhaps `negative` (then these
 * are the query's candidates, else all documents); or one candidate a row, with a label or score. Undefined for rows of
 * something else.
 */
export function collectionOf(rows: readonly DataRow[]): Collection | undefined {
  const [first] = rows;
  const query = first && findColumn(first, GOLD_COLUMNS.query);
  if (!query) return undefined;
  const positive = findColumn(first, GOLD_COLUMNS.positive);
  if (positive) return withPositives(rows, query, positive, findColumn(first, GOLD_COLUMNS.negative));
  const [candidate, grade] = [findColumn(first, CANDIDATE_COLUMNS), findColumn(first, RELEVANCE_COLUMNS)];
  return candidate && grade ? withCandidates(rows, { query, candidate, grade }) : undefined;
}

function withPositives(
  rows: readonly DataRow[],
  query: string,
  positive: string,
  negative: string | undefined,
): Collection {
  const documents = new Texts();
  const queries = rows.map((row, i) => {
    const relevant = textsOf(row, positive).map((text) => documents.idOf(text));
    const others = negative ? textsOf(row, negative).map((text) => documents.idOf(text)) : [];
    return {
      id: String(i),
      text: textsOf(row, query).join(" "),
      candidates: [...new Set([...relevant, ...others])],
      relevance: new Map(relevant.map((id) => [id, 1])),
    };
  });
  const everything = [...documents.byId.keys()];
  return {
    documents: documents.byId,
    queries: negative ? queries : queries.map((one) => ({ ...one, candidates: everything })),
  };
}

/** Rows with the same query are one. */
function withCandidates(
  rows: readonly DataRow[],
  columns: { readonly query: string; readonly candidate: string; readonly grade: string },
): Collection {
  const documents = new Texts();
  const byQuery = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const text = textsOf(row, columns.query).join(" ");
    const grade = Number(row.fields[columns.grade]);
    if (!Number.isFinite(grade)) {
      refuseRow(row, `${columns.grade} is ${JSON.stringify(row.fields[columns.grade])}, expected a number`);
    }
    const own = byQuery.get(text) ?? new Map<string, number>();
    byQuery.set(text, own.set(documents.idOf(textsOf(row, columns.candidate).join(" ")), grade));
  }
  const queries = [...byQuery].map(([text, relevance], i) => ({
    ...{ id: String(i), text, relevance },
    candidates: [...relevance.keys()],
  }));
  return { documents: documents.byId, queries };
}

/** Texts by ids that are given in their order. */
class Texts {
  readonly byId = new Map<string, string>();
  readonly #ids = new Map<string, string>();

  idOf(text: string): string {
    const known = this.#ids.get(text) ?? String(this.#ids.size);
    this.#ids.set(text, known);
    this.byId.set(known, text);
    return known;
  }
}

async function findFile(folder: string, name: string): Promise<string | undefined> {
  const inside = join(folder, name);
  const isFolder = (await stat(inside).catch(() => undefined))?.isDirectory() === true;
  const place = isFolder ? inside : folder;
  const names = (await readdir(place)).sort();
  const found = isFolder
    ? // As BEIR has it, one file for each split.
      (names.find((one) => one.startsWith("test.")) ?? names[0])
    : names.find((one) => /^[^.]+\.(jsonl|tsv|csv)(\.gz)?$/.test(one) && one.split(".")[0] === name);
  return found === undefined ? undefined : join(place, found);
}

function idOf(row: DataRow): string {
  const id = row.fields._id ?? row.fields.id;
  return id === undefined ? refuseRow(row, "there is neither _id nor id") : String(id);
}

function keyOf(row: DataRow, column: string): string {
  const key = row.fields[column];
  return key === undefined ? refuseRow(row, `there is no ${column}`) : String(key);
}

/** A title stands before its text, as MTEB and BEIR have it. */
function documentText(row: DataRow): string {
  const { title } = row.fields;
  const text = textsOf(row, "text").join(" ");
  return typeof title === "string" && title !== "" ? `${title} ${text}`.trim() : text;
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
