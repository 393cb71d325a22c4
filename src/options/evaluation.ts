import { z } from "zod";
import { GRAPH_DTYPES } from "../base/graph-dtypes.js";
import { DataSchema, PredictSchema, type Reading } from "./reading.js";
import { ConversionSchema, RunSchema } from "./schemas.js";

/** A comma list of some words. */
function someOf<const W extends readonly [string, ...string[]]>(words: W) {
  return z.preprocess(
    (value) => (typeof value === "string" ? value.split(",") : value),
    z
      .array(z.enum(words))
      .min(1)
      .refine((given) => new Set(given).size === given.length, "a word stands there twice")
      .optional(),
  );
}

/** Ways to read a long document with a model that was made for short ones. */
export const STRATEGIES = ["cut", "chunks", "windows"] as const satisfies readonly Reading[];
export type Strategy = (typeof STRATEGIES)[number];

/** What `lsg evaluate` compares, and on what. */
export const EvaluateSchema = z.strictObject({
  data: z
    .string()
    .meta({ placeholder: "file" })
    .describe("documents with what is right: JSONL, CSV, TSV or text, or a folder as MTEB has it"),
  labelColumn: z.string().optional().describe("column of what is right (default: by its name)"),
  ...DataSchema.shape,
  limit: z.int().positive().optional().describe("take the first rows only"),
  against: z
    .string()
    .optional()
    .describe("the source as well: original (what the folder was converted from), a folder or a Hub model"),
  strategies: someOf(STRATEGIES).describe(
    `how a source reads long documents, any of ${STRATEGIES.join(",")} (default: all)`,
  ),
  dtype: someOf(GRAPH_DTYPES).describe(
    `what converted folders run: fp32, the weights, and any of their graphs in ${GRAPH_DTYPES.slice(1).join(",")} ` +
      "(default: fp32)",
  ),
  ...PredictSchema.pick({ windowOverlap: true }).shape,
});

/** What `lsg evaluate` writes, and where from. */
export const EvaluateRunSchema = z.strictObject({
  html: z
    .string()
    .regex(/\.html$/, "expected a file name that ends in .html")
    .optional()
    .describe("write a page with charts: FILE.html"),
  records: z
    .string()
    .regex(/\.jsonl$/, "expected a file name that ends in .jsonl")
    .default("lsg-evaluation.jsonl")
    .describe("what was done so far, from where an interrupted run goes on: FILE.jsonl"),
  ...RunSchema.pick({ json: true, quiet: true }).shape,
  ...ConversionSchema.pick({ seed: true, revision: true }).shape,
});
