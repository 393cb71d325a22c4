import { z } from "zod";
import type { DeepReadonly } from "../base/freeze.js";

/** A figure; null where it is not defined (no unit of a class). */
const NumberSchema = z.number().nullable();
const CountSchema = z.int().nonnegative();

const IntervalSchema = z.object({
  value: NumberSchema,
  low: NumberSchema.describe("where 95 % of the bootstrap's samples begin"),
  high: NumberSchema.describe("and end"),
});

const PlacesSchema = z
  .object({ from: CountSchema, to: CountSchema.nullable().describe("not included; null: to the end") })
  .describe("the places of a document's tokens that it is of; absent: all of them");

const SystemSchema = z.object({
  name: z.string().describe("unique in the document"),
  model: z.string().describe("as it was named"),
  reading: z
    .enum(["cut", "chunks", "windows", "whole"])
    .describe("how a long document is read: a source in parts, a converted model whole"),
  variant: z.string().describe("full, lsg, longformer or windows"),
  dtype: z.string().describe("of the graph: fp32 or smaller"),
  max_length: CountSchema.describe("tokens that it reads at once"),
  seconds: z.number().describe("of all documents, on this machine"),
  tokens_per_second: z.number(),
  cut_items: CountSchema.describe("texts of which it read a part only"),
  is_reference: z.boolean().describe("whether the others are held against it: it has no figures then"),
});

const ReportSchema = z.object({
  format_version: z.literal(1),
  lsg_version: z.string(),
  task: z.string(),
  data: z.string(),
  noun: z.string().describe("what figures are made of: document, query, question"),
  length_of: z.string().describe("what of it has a length: itself, or its documents or pairs"),
  units: CountSchema.describe("how many there are"),
  items: CountSchema.describe("texts, or pairs of them, that each system read"),
  border: CountSchema.describe(
    "tokens that the source reads at once; 0: there is no source among the systems",
  ),
  longer: CountSchema.describe("units that are longer than that"),
  seed: CountSchema,
  device: z.string(),
  systems: z.array(SystemSchema),
  metrics: z
    .array(
      z.object({
        name: z.string(),
        better: z.enum(["higher", "lower"]),
        unit: z.string().exactOptional(),
        places: PlacesSchema.exactOptional(),
      }),
    )
    .describe("the main one first"),
  figures: z.array(
    z.object({
      system: z.string(),
      metric: z.string(),
      places: PlacesSchema.exactOptional(),
      group: z
        .enum(["all", "longer", "length"])
        .describe("all units, those longer than the border, or those of a range of lengths"),
      up_to: CountSchema.nullable().describe("the range's longest, in tokens; null: no limit"),
      units: CountSchema,
      ...IntervalSchema.shape,
    }),
  ),
  differences: z
    .array(
      z.object({
        metric: z.string(),
        places: PlacesSchema.exactOptional(),
        of: z.string(),
        to: z.string(),
        ...IntervalSchema.shape,
        decided: z.boolean().describe("whether 0 lies outside of the interval, of ten units at least"),
      }),
    )
    .describe("paired, over the units longer than the border: of minus to"),
  verdict: z.string().describe("what it comes to, in a sentence"),
  compared: z.boolean().describe("whether there was anything to compare"),
  notes: z.array(z.string()),
});

/** What `lsg evaluate --json` prints. */
export type EvaluationReport = DeepReadonly<z.output<typeof ReportSchema>>;

/** The document's JSON Schema, which docs/evaluation-report.schema.json holds. */
export function reportJsonSchema(): object {
  return {
    title: "What lsg evaluate measured",
    ...z.toJSONSchema(ReportSchema, { target: "draft-7" }),
  };
}

/** @throws z.ZodError for a document of another form */
export function parseReport(value: unknown): EvaluationReport {
  return ReportSchema.parse(value);
}
