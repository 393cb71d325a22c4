import { z } from "zod";
import type { DeepReadonly } from "../../base/freeze.js";
import { type FolderVerdict, VERDICTS } from "../verdict.js";

/**
 * A measured number. JSON has no NaN or Infinity, and `null` would not tell them apart: they are written as texts that
 * JavaScript's `Number()` and Python's `float()` read.
 */
const FigureNumberSchema = z.codec(
  z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]),
  z.custom<number>((value) => typeof value === "number"),
  {
    decode: Number,
    encode: (value) => (Number.isFinite(value) ? value : (String(value) as "NaN" | "Infinity" | "-Infinity")),
  },
);

const CountSchema = z.int().nonnegative();

const CheckSchema = z.object({
  id: z.string().describe("for scripts; does not change between versions"),
  title: z.string().describe("what was looked at"),
  verdict: z
    .enum(["pass", "fail", "stated", "skipped"])
    .describe("stated: a fact on which nothing was promised; skipped: not looked at"),
  detail: z.string().describe("what was found, and for a failure what was expected"),
  figure: z
    .object({
      value: FigureNumberSchema,
      tolerance: FigureNumberSchema.exactOptional().describe(
        "the most that value may be; absent: no promise",
      ),
      length: CountSchema.exactOptional().describe("tokens of the input"),
    })
    .exactOptional()
    .describe("the number that was measured"),
  findings: z.array(z.string()).exactOptional().describe("what is not as planned, a sentence each"),
  remedy: z.string().exactOptional().describe("what to do about a failure"),
  table: z
    .object({ head: z.array(z.string()), rows: z.array(z.array(z.string())) })
    .exactOptional()
    .describe("things side by side"),
});

const DifferenceSchema = z.object({
  length: CountSchema.describe("tokens of the input"),
  difference: FigureNumberSchema.describe("the largest between converted and original model"),
  tolerance: FigureNumberSchema.exactOptional().describe("absent where nothing was promised"),
});

const CostSchema = z.object({
  length: CountSchema.describe("tokens of the input"),
  seconds: FigureNumberSchema.describe("time of one run"),
  megabytes: FigureNumberSchema.describe("peak memory of a process that runs nothing else, in 10^6 bytes"),
});

const AttentionSchema = z.object({
  block_size: CountSchema.describe("tokens in a block; each sees its own and its neighbours"),
  num_global_tokens: CountSchema,
  sparse_block_size: CountSchema.describe("sparse keys on each side of the neighbours; 0: none"),
  sparsity_factor: CountSchema.describe("from how many tokens one sparse key comes; 0: none"),
  causal: z.boolean(),
});

/**
 * The one document of `lsg verify --json`. `z.decode` makes a report of it, `z.encode` it of a report. A field may
 * be added under the same `format_version`; when one changes or goes, the version rises.
 */
export const VerificationReportSchema = z.object({
  format_version: z
    .literal(2)
    .describe("rises when a field changes or goes; fields may be added under the same"),
  converted: z.string().describe("the folder that was verified"),
  original: z.string().nullable().describe("what it was compared with; null: nothing"),
  model_type: z.string().nullable(),
  architecture: z.string().nullable().describe("class name"),
  max_sequence_length: z
    .object({ from: CountSchema, to: CountSchema })
    .nullable()
    .describe("tokens, of the original and of the converted model"),
  lossless_up_to: CountSchema.nullable().describe(
    "tokens up to which the original's outputs are promised; 0: nowhere",
  ),
  hidden_states_up_to: CountSchema.nullable().describe(
    "tokens up to which the hidden states of the original's base model are promised",
  ),
  why: z.string().nullable().describe("why no more is promised; null where all that the original reads is"),
  attention: AttentionSchema.nullable(),
  device: z
    .object({ name: z.string(), detail: z.string() })
    .nullable()
    .describe("where the graphs ran: cpu, webgpu, cuda, coreml or dml, and what is known of it"),
  seed: z.int().describe("of the random inputs"),
  lengths: z
    .array(CountSchema)
    .nullable()
    .describe("the lengths that --lengths asked for; null: around the borders of blocks, and the longest"),
  looked_up_to: z
    .object({
      run: CountSchema.describe("by the converted model"),
      compared: CountSchema.describe("with the original; 0: nothing was"),
    })
    .nullable()
    .describe(
      "tokens of the longest inputs that memory and position tables allow here; null: the models were not run",
    ),
  checks: z.array(CheckSchema),
  differences: z.array(DifferenceSchema),
  costs: z.array(CostSchema),
  verdict: z
    .enum(Object.keys(VERDICTS) as FolderVerdict[])
    .describe(
      "sound: compared with the original, and all holds; fine_tuned_since: a model of ours without a record, nothing is " +
        "compared; not_compared: what needs no original holds; falls_short: at least one check failed",
    ),
  summary: z.string().describe("the verdict in a sentence"),
});

/** What `lsg verify --json` prints and `--report` shows. */
export type VerificationReport = DeepReadonly<z.output<typeof VerificationReportSchema>>;
export type CostAt = VerificationReport["costs"][number];

/** A report as `--json` prints it: a value for `JSON.stringify`, whose figures are never lost as `null`. */
export function reportToJson(report: VerificationReport): z.input<typeof VerificationReportSchema> {
  return z.encode(VerificationReportSchema, report as z.output<typeof VerificationReportSchema>);
}

/** The document's JSON Schema, which docs/verify-report.schema.json holds. */
export function reportJsonSchema(): object {
  return { title: "lsg verify --json", ...z.toJSONSchema(VerificationReportSchema, { io: "input" }) };
}
