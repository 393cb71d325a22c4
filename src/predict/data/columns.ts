import { OptionError } from "../../base/errors.js";
import type { PredictionKind } from "../kinds.js";
import type { ModelInput } from "../types.js";
import { type DataRow, placeOf } from "./rows.js";

/** Columns that the user names, where guesses fail. */
export interface ColumnOptions {
  /** What the model reads: a text, the first of a pair, a question, a query, words. */
  readonly textColumn?: string | undefined;
  /** The second text: a hypothesis, a context, a document; or the choices. */
  readonly pairColumn?: string | undefined;
}

/** The columns that a model's input is made of. */
export interface Columns {
  readonly text: string;
  readonly pair: string | undefined;
  /** Several texts behind the first: one column with a list, or one column each. */
  readonly choices: readonly string[] | undefined;
}

/** Columns of pairs as data sets of the Hub call them. */
const PAIRS = [
  ["text", "text_pair"],
  ["sentence1", "sentence2"],
  ["sentence_1", "sentence_2"],
  ["sentence_A", "sentence_B"],
  ["premise", "hypothesis"],
  ["question1", "question2"],
  ["question", "context"],
  ["question", "passage"],
  ["question", "sentence"],
  ["query", "document"],
  ["query", "passage"],
  ["query", "context"],
  ["query", "text"],
] as const;

/** The same with several second texts. */
const CHOICES = ["choices", "options", "endings"];
const NUMBERED_CHOICE = /^(ending|choice|option)_?\d+$/;

/** Columns of texts, the likeliest first. */
const TEXTS = [
  ...["text", "sentence", "content", "document", "article", "review", "body", "dialogue", "passage"],
  ...["context", "premise", "startphrase", "sent1", "question", "query", "title", "input", "sentence1"],
];

const WORDS = ["tokens", "words"];

/** Columns that are no text, whatever they hold. */
const NO_TEXT =
  /^(id|_id|idx|index|guid|url|.*_id|labels?|label_text|target|answers?|.*_tags|summary|highlights|score)$/i;

/**
 * Finds the columns of a model's input by the names that `datasets` has for them.
 * @param first the first row, whose columns count
 * @throws OptionError that lists the columns which are there, where none would do
 */
export function findColumns(kind: PredictionKind, first: DataRow, options: ColumnOptions = {}): Columns {
  const { fields } = first;
  for (const [flag, name] of [
    ["--text-column", options.textColumn],
    ["--pair-column", options.pairColumn],
  ]) {
    if (name !== undefined && !Object.hasOwn(fields, name))
      throw noColumn(`column called "${name}" (${flag})`, first);
  }
  const found = (options.textColumn === undefined ? PAIRED[kind] : WITH_TEXT[kind])(fields, options);
  if (found) return { choices: undefined, pair: options.pairColumn, ...found };
  throw noColumn(NEEDED[kind], first);
}

type Fields = DataRow["fields"];
type Finder = (
  fields: Fields,
  options: ColumnOptions,
) => (Partial<Columns> & { readonly text: string }) | undefined;

const findText: Finder = (fields) => {
  const texts = Object.keys(fields).filter((name) => typeof fields[name] === "string");
  const known = TEXTS.find((name) => texts.includes(name));
  const others = texts.filter((name) => !NO_TEXT.test(name));
  const text = known ?? (others.length === 1 ? others[0] : undefined);
  return text === undefined ? undefined : { text };
};

const findPair: Finder = (fields, { pairColumn }) => {
  const isThere = (name: string) => typeof fields[name] === "string";
  const pair = PAIRS.find(([text, pair]) => isThere(text) && isThere(pair) && pair === (pairColumn ?? pair));
  return pair && { text: pair[0], pair: pair[1] };
};

const findWords: Finder = (fields) => {
  const text = WORDS.find((name) => Array.isArray(fields[name]));
  return text === undefined ? undefined : { text };
};

const findChoices: Finder = (fields, { pairColumn, textColumn }) => {
  const list = pairColumn ?? CHOICES.find((name) => Array.isArray(fields[name]));
  const numbered = Object.keys(fields).filter((name) => NUMBERED_CHOICE.test(name));
  const choices = list !== undefined ? [list] : numbered;
  const text = textColumn ?? findText(fields, {})?.text;
  return text === undefined || choices.length === 0 ? undefined : { text, pair: undefined, choices };
};

/** How the columns of each kind are found where none is named for the text. */
const PAIRED: Readonly<Record<PredictionKind, Finder>> = {
  classes: (fields, options) => findPair(fields, options) ?? findText(fields, options),
  entities: (fields, options) => findWords(fields, options) ?? findText(fields, options),
  answer: findPair,
  words: findText,
  choice: findChoices,
  embedding: findText,
  text: findText,
};

const asNamed: Finder = (_, { textColumn }) => (textColumn === undefined ? undefined : { text: textColumn });

/** And where one is. */
const WITH_TEXT: Readonly<Record<PredictionKind, Finder>> = {
  classes: asNamed,
  entities: asNamed,
  answer: (fields, { textColumn, pairColumn }) => {
    const pair = pairColumn ?? ["context", "passage", "document"].find((name) => name in fields);
    return textColumn === undefined || pair === undefined ? undefined : { text: textColumn, pair };
  },
  words: asNamed,
  choice: findChoices,
  embedding: asNamed,
  text: asNamed,
};

const NEEDED: Readonly<Record<PredictionKind, string>> = {
  classes: "column of texts",
  entities: "column of texts or of lists of words",
  answer: "pair of columns with questions and their contexts",
  words: "column of texts",
  choice: "column of texts beside one of lists of choices",
  embedding: "column of texts",
  text: "column of texts",
};

function noColumn(what: string, row: DataRow): OptionError {
  const names = Object.keys(row.fields).map((name) => JSON.stringify(name));
  return new OptionError(
    `${placeOf(row)}: there is no ${what} among the columns ${names.join(", ") || "(none)"}`,
    "Name them: --text-column NAME, and for a second text --pair-column NAME.",
  );
}

/** What a model reads of a row. @throws OptionError that names file and line, where a column is missing or no text */
export function inputOf(row: DataRow, { text: column, pair, choices }: Columns): ModelInput {
  const value = row.fields[column];
  if (Array.isArray(value)) return { kind: "words", words: value.map((word) => textOf(row, column, word)) };
  const text = textOf(row, column, value);
  if (!choices) {
    return { kind: "text", text, ...(pair !== undefined && { pair: textOf(row, pair, row.fields[pair]) }) };
  }
  const found = choices.flatMap((name): unknown[] => {
    const value = row.fields[name];
    return Array.isArray(value) ? value : [value];
  });
  return { kind: "choices", text, choices: found.map((choice) => textOf(row, choices.join(), choice)) };
}

function textOf(row: DataRow, column: string, value: unknown): string {
  if (typeof value === "string") return value;
  const found = value === undefined ? "is missing" : `holds ${JSON.stringify(value).slice(0, 40)}`;
  throw new OptionError(`${placeOf(row)}: column "${column}" ${found}, expected a text`);
}
