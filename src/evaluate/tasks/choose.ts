import { stat } from "node:fs/promises";
import { OptionError } from "../../base/errors.js";
import { exported } from "../../onnx/tasks.js";
import { labelNames } from "../../predict/classes.js";
import { type ColumnOptions, findColumns, inputOf } from "../../predict/data/columns.js";
import { type DataOptions, type DataRow, readRows } from "../../predict/data/rows.js";
import { type PredictionKind, predictionKind } from "../../predict/kinds.js";
import type { ModelInput } from "../../predict/types.js";
import type { System } from "../systems.js";
import { answerLikenessJob, answersJob } from "./answers.js";
import { choicesJob } from "./choices.js";
import { classificationJob, classLikenessJob } from "./classes.js";
import { type Collection, collectionOf, readCollection } from "./collection.js";
import { findColumn, GOLD_COLUMNS } from "./columns.js";
import { fidelityJob } from "./fidelity.js";
import type { Job } from "./job.js";
import { rerankingJob, retrievalJob } from "./rankings.js";
import { summariesJob } from "./summaries.js";
import { tagLikenessJob, tagsJob } from "./tags.js";
import { wordsJob } from "./words.js";

export interface DataChoice extends ColumnOptions, DataOptions {
  /** The column of what is right, where its name is none of those that are known. */
  readonly labelColumn?: string | undefined;
  /** Rows to take, the first ones. */
  readonly limit?: number | undefined;
}

/** The head that is evaluated. */
export interface JobModel {
  readonly kind: PredictionKind;
  readonly labels: readonly string[];
  /** Tokens of a document that all systems can read. */
  readonly longest: number;
  /** Tokens that the source reads at once; of converted models alone the shortest of what they read. */
  readonly border: number;
  /** Of what is drawn. */
  readonly seed: number;
}

/** What is evaluated. @throws OptionError for a head that predicts nothing of a document */
export async function jobModel(systems: readonly System[], seed: number): Promise<JobModel> {
  const [first] = systems;
  if (!first) throw new OptionError("there is no way to read left to compare");
  const model = await first.opened.withModules();
  const { head, modules } = exported(model, undefined);
  if (model.config.problem_type === "regression") {
    throw new OptionError(
      `${first.model} predicts a number (problem_type is regression), and there is no figure for that here`,
    );
  }
  const kind = predictionKind(modules ? undefined : head);
  const lengths = (isSource: boolean) =>
    systems.filter((system) => system.isSource === isSource).map(({ maxLength }) => maxLength);
  const whole = Math.min(...lengths(false));
  return {
    ...{ kind, labels: labelNames(model, model.sizes.labels), seed, longest: whole },
    border: Math.min(whole, ...lengths(true)),
  };
}

/**
 * The job that a head and data make, by the data's columns: with what is right in them it is scored, else the systems are
 * held against each other.
 * @throws OptionError for data that such a head has no use for
 */
export async function chooseJob(path: string, model: JobModel, choice: DataChoice): Promise<Job> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) {
    return collectionJob(await readCollection(path), model, path);
  }
  const rows = await readSome(path, choice);
  const [first] = rows;
  if (!first) throw new OptionError(`${path} has no rows`);
  const collection = model.kind === "classes" || model.kind === "embedding" ? collectionOf(rows) : undefined;
  if (collection && (model.kind === "embedding" || isReranker(model, first))) {
    return collectionJob(collection, model, path);
  }
  const columns = findColumns(model.kind, first, choice);
  const items = rows.map((row) => inputOf(row, columns));
  const gold = (names: readonly string[]) =>
    findColumn(first, choice.labelColumn === undefined ? names : [choice.labelColumn]);
  return rowsJob(rows, items, model, gold);
}

function rowsJob(
  rows: readonly DataRow[],
  items: readonly ModelInput[],
  { kind, labels, ...reach }: JobModel,
  gold: (names: readonly string[]) => string | undefined,
): Job {
  const column = gold(GOLD_OF_KIND[kind]);
  switch (kind) {
    case "classes":
      return column ? classificationJob(rows, items, column, labels) : classLikenessJob(items, labels);
    case "entities":
      return column ? tagsJob(rows, items, column, labels) : tagLikenessJob(items);
    case "answer":
      return column ? answersJob(rows, items, column) : answerLikenessJob(items);
    case "choice":
      return choicesJob(rows, items, column ?? missing(kind));
    case "text":
      return summariesJob(rows, items, column ?? missing(kind));
    case "words":
      return wordsJob(items, reach);
    case "embedding":
      return fidelityJob(items, reach.seed);
  }
}

const GOLD_OF_KIND: Readonly<Record<PredictionKind, readonly string[]>> = {
  classes: GOLD_COLUMNS.class,
  entities: GOLD_COLUMNS.tags,
  answer: GOLD_COLUMNS.answers,
  choice: GOLD_COLUMNS.class,
  text: GOLD_COLUMNS.summary,
  words: [],
  embedding: [],
};

function missing(kind: PredictionKind): never {
  throw new OptionError(
    `the data have none of the columns ${GOLD_OF_KIND[kind].join(", ")}: nothing says what is right`,
    "Name the column: --label-column NAME.",
  );
}

/** A head that tells how well two texts fit, and rows that say of which query each candidate is. */
function isReranker({ labels }: JobModel, row: DataRow): boolean {
  return labels.length === 1 || findColumn(row, GOLD_COLUMNS.positive) !== undefined;
}

function collectionJob(collection: Collection, { kind, labels }: JobModel, path: string): Job {
  if (kind === "embedding") return retrievalJob(collection);
  if (kind === "classes" && labels.length <= 2) return rerankingJob(collection, labels);
  throw new OptionError(
    `${path} holds queries and documents, which embedders and rerankers read, and this model has another head`,
  );
}

async function readSome(path: string, { limit, ...options }: DataChoice): Promise<DataRow[]> {
  const rows: DataRow[] = [];
  for await (const row of readRows(path, options)) {
    if (rows.length === limit) break;
    rows.push(row);
  }
  return rows;
}
