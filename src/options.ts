import { z } from "zod";
import { camelCase, type Flag, flagsOf, snakeKeys } from "./options/flags.js";
import { parseKwargs } from "./options/kwargs.js";
import { validate } from "./options/validate.js";
import { LsgConfigSchema, PRESETS } from "./variants/lsg-config.js";

/** The length that a conversion aims at where the source is no longer than half of it. */
export const DEFAULT_MAX_SEQUENCE_LENGTH = 4096;

/** Longer tables than this are a typing error: 2^20 tokens of base width already take 3 GB. */
const MAX_SEQUENCE_LENGTH_LIMIT = 1 << 20;

/** Every other option of `lsg convert`; keys are flags in camelCase, the order is the help's. */
const ConversionSchema = z.strictObject({
  to: z.enum(["lsg"]).default("lsg").describe("variant to write"),
  preset: z
    .enum(PRESETS)
    .default("faithful")
    .describe(
      "what to start from; faithful: short inputs compute what they did, reference: lsg-converter's defaults",
    ),
  maxSequenceLength: z
    .int()
    .positive()
    .max(MAX_SEQUENCE_LENGTH_LIMIT)
    .optional()
    .describe(
      `tokens that the result reads (default: ${DEFAULT_MAX_SEQUENCE_LENGTH}, or twice the source's if more)`,
    ),
  architecture: z.string().optional().describe("class to write, e.g. RobertaForSequenceClassification"),
  globalPositionalStride: z
    .int()
    .positive()
    .default(64)
    .describe("distance between the positions that the global tokens start from"),
  keepFirstGlobalToken: z.boolean().default(false).describe("LSG source: keep its global token 0"),
  randomGlobalInit: z
    .boolean()
    .default(false)
    .describe("draw global tokens 1 and up from the distribution of the word embeddings"),
  resizeLsg: z.boolean().default(false).describe("LSG source: change the length only"),
  useTokenIds: z
    .boolean()
    .default(true)
    .describe("add token type 0 to the global tokens, where there are types"),
  seed: z.int().nonnegative().default(123).describe("seed of everything that is drawn"),
  modelKwargs: z
    .record(z.string(), z.json())
    .default({})
    .describe("further config keys as JSON, e.g. \"{'num_labels': 3}\""),
  revision: z.string().optional().describe("Hub branch, tag or commit"),
});

/** Dtypes of graphs, by their names on the command line. */
const GRAPH_DTYPES = ["fp32"] as const;

/** Where a graph's weights lie. */
const ONNX_WEIGHTS = ["embedded", "external", "shared"] as const;

/** What an export takes; `lsg convert` takes it as well. */
const GraphSchema = z.strictObject({
  onnxWeights: z
    .enum(ONNX_WEIGHTS)
    .optional()
    .describe("where a graph's weights lie: in its file, beside it, or in model.safetensors itself"),
  task: z
    .string()
    .optional()
    .describe("what a graph is for, e.g. feature-extraction (default: the class's own)"),
});

/** The graphs that a conversion writes: a comma list, or nothing behind the flag for float32. */
const OnnxSchema = z.strictObject({
  onnx: z
    .preprocess(
      (value) => (value === true ? ["fp32"] : typeof value === "string" ? value.split(",") : value),
      z.array(z.enum(GRAPH_DTYPES)).min(1).optional(),
    )
    .describe(`export ONNX graphs of these dtypes: ${GRAPH_DTYPES.join(", ")}`),
});

/** LSG's own keys as flags: all optional, since a preset or an LSG source may set them. */
const LsgFlagsSchema = LsgConfigSchema.partial();

const RunSchema = z.strictObject({
  force: z.boolean().default(false).describe("replace an existing output folder"),
  dryRun: z.boolean().default(false).describe("print the plan and write nothing"),
  json: z.boolean().default(false).describe("print one JSON document on stdout, nothing else"),
  quiet: z.boolean().default(false).describe("no progress"),
});

const ExportRunSchema = z.strictObject({
  opOnly: z
    .boolean()
    .default(false)
    .describe("write the attention op alone, without weights: attention.onnx"),
  ...RunSchema.omit({ dryRun: true }).shape,
  ...ConversionSchema.pick({ seed: true, revision: true }).shape,
});

/** What decides the bytes of a conversion; recorded in lsg_conversion.json. */
export type ConversionOptions = z.output<typeof ConversionSchema> &
  z.output<typeof GraphSchema> &
  z.output<typeof OnnxSchema> & {
    /** LSG config keys that were asked for, by their names in config.json. */
    readonly lsg: z.output<typeof LsgFlagsSchema>;
  };

/** What the user asked of `lsg convert`, validated. */
export type ConvertOptions = ConversionOptions & z.output<typeof RunSchema>;

/** What the user asked of `lsg export`, validated. */
export type ExportOptions = z.output<typeof GraphSchema> & z.output<typeof ExportRunSchema>;

/** The flags of `lsg convert`, read from the schemas. */
export function convertFlags(): Flag[] {
  return [
    ...flagsOf("Conversion:", ConversionSchema.shape),
    ...flagsOf("LSG attention (defaults by preset):", LsgConfigSchema.shape).map((flag) => {
      const { defaultValue: _, ...rest } = { ...flag, key: camelCase(flag.key), negatable: true };
      return rest;
    }),
    ...flagsOf("ONNX:", { ...OnnxSchema.shape, ...GraphSchema.shape }),
    ...flagsOf("Output:", RunSchema.shape),
  ];
}

/** The flags of `lsg export`. */
export function exportFlags(): Flag[] {
  return [...flagsOf("ONNX:", GraphSchema.shape), ...flagsOf("Output:", ExportRunSchema.shape)];
}

/** Validates the parsed arguments of `lsg export`. @throws OptionError as `parseConvertOptions` does. */
export function parseExportOptions(given: Readonly<Record<string, unknown>>): ExportOptions {
  return {
    ...validate(GraphSchema, pick(given, Object.keys(GraphSchema.shape))),
    ...validate(ExportRunSchema, pick(given, Object.keys(ExportRunSchema.shape))),
  };
}

/**
 * Validates parsed arguments. Values may be strings, as a command line has them.
 * LSG keys inside `modelKwargs`, the reference's way, become flags; a flag given as well wins.
 * @throws OptionError that names the option, what was given and what is allowed.
 */
export function parseConvertOptions(given: Readonly<Record<string, unknown>>): ConvertOptions {
  const kwargs = parseKwargs(given.modelKwargs);
  const take = (keys: string[]) => pick({ ...given, modelKwargs: kwargs.other }, keys);
  const lsgGiven = {
    ...kwargs.lsg,
    ...snakeKeys(pick(given, Object.keys(LsgConfigSchema.shape).map(camelCase))),
  };
  return {
    ...validate(ConversionSchema, take(Object.keys(ConversionSchema.shape))),
    ...validate(OnnxSchema, take(Object.keys(OnnxSchema.shape))),
    ...validate(GraphSchema, take(Object.keys(GraphSchema.shape))),
    ...validate(RunSchema, take(Object.keys(RunSchema.shape))),
    lsg: withoutDefaults(validate(LsgFlagsSchema, lsgGiven), lsgGiven),
  };
}

function withoutDefaults<T extends object>(parsed: T, given: object): T {
  return pick(parsed, Object.keys(given)) as T;
}

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined),
  );
}
