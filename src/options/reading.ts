import { z } from "zod";
import { MAX_TOKENS } from "../attention/lsg-config.js";
import { DEFAULT_WINDOW_OVERLAP } from "../attention/windows.js";
import { GRAPH_DTYPES } from "../base/graph-dtypes.js";

/** How a file's text becomes rows. */
export const DATA_FORMATS = ["jsonl", "csv", "tsv", "text"] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

/** Whether each line of a text is a document, or the whole file. */
const DOCUMENTS = ["lines", "files"] as const;

/** How documents stand in a file. */
export const DataSchema = z.strictObject({
  format: z
    .enum(DATA_FORMATS)
    .optional()
    .describe("what the data is (default: as the file's name ends, else by its first character)"),
  documents: z.enum(DOCUMENTS).default("lines").describe("of plain text, what a document is"),
  textColumn: z
    .string()
    .optional()
    .describe("column of the texts, of a pair's first ones, or of lists of words (default: by its name)"),
  pairColumn: z
    .string()
    .optional()
    .describe("column of the second texts: contexts, hypotheses, documents; or of lists of choices"),
});

/** How a document is read that is longer than the model reads. */
const READINGS = ["cut", "chunks", "windows", "refuse"] as const;
export type Reading = (typeof READINGS)[number];

/**
 * How labels of tokens become labels of entities, as transformers' `aggregation_strategy` has it: `simple` joins tokens,
 * `first` gives each word the label of its first token, so that no entity ends within a word.
 */
const AGGREGATIONS = ["first", "simple"] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

/** Words for a mask that are told. */
export const DEFAULT_TOP_K = 5;

/** Tokens of the longest answer; transformers' pipeline has the same. */
export const DEFAULT_ANSWER_TOKENS = 15;

/** Of the longest text that is written. */
export const DEFAULT_NEW_TOKENS = 128;

/** Words for a mask that anybody looks at. */
const MAX_TOP_K = 1000;

/** How documents are read, and what is told of them. */
export const PredictSchema = z.strictObject({
  task: z
    .string()
    .optional()
    .describe("feature-extraction for embeddings of any model (default: what its head is for)"),
  dtype: z
    .enum(GRAPH_DTYPES)
    .optional()
    .describe("run the folder's graph of this dtype (default: the weights, in float32)"),
  maxLength: z
    .int()
    .positive()
    .max(MAX_TOKENS)
    .optional()
    .describe("tokens that the model reads at once (default: as many as its files tell)"),
  reading: z
    .enum(READINGS)
    .default("cut")
    .describe("what becomes of a longer document: cut, disjoint chunks, windows that overlap, or an error"),
  windowOverlap: z
    .int()
    .nonnegative()
    .max(MAX_TOKENS)
    .default(DEFAULT_WINDOW_OVERLAP)
    .describe("tokens that windows share"),
  topK: z.int().positive().max(MAX_TOP_K).default(DEFAULT_TOP_K).describe("words for each mask"),
  aggregation: z
    .enum(AGGREGATIONS)
    .default("first")
    .describe("entities of whole words by their first token, or of tokens as they come"),
  maxAnswerTokens: z
    .int()
    .positive()
    .max(MAX_TOKENS)
    .default(DEFAULT_ANSWER_TOKENS)
    .describe("tokens of the longest answer"),
  allowNoAnswer: z.boolean().default(false).describe("a question may have no answer"),
  maxNewTokens: z
    .int()
    .positive()
    .max(MAX_TOKENS)
    .default(DEFAULT_NEW_TOKENS)
    .describe("tokens of the longest text that is written"),
});

/** Where predictions go. */
export const PredictOutputSchema = z.strictObject({
  output: z
    .string()
    .regex(/\.(jsonl|npy)$/, "expected a file name that ends in .jsonl or .npy")
    .optional()
    .describe("write the predictions to FILE.jsonl, or embeddings to FILE.npy (default: JSONL on stdout)"),
});
