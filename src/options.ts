import { z } from "zod";
import { DEVICES } from "./device-names.js";
import { isRecord } from "./json-edit.js";
import { camelCase, type Flag, flagsOf, snakeKeys } from "./options/flags.js";
import { parseKwargs } from "./options/kwargs.js";
import { validate } from "./options/validate.js";
import { LsgConfigSchema, MAX_TOKENS, PRESETS } from "./variants/lsg-config.js";

/** The length that a conversion aims at where the source is no longer than half of it. */
export const DEFAULT_MAX_SEQUENCE_LENGTH = 4096;

/** Of everything that is drawn; the reference's. */
export const DEFAULT_SEED = 123;

/** What `--to` names. */
const VARIANTS = ["lsg", "longformer"] as const;
export type Variant = (typeof VARIANTS)[number];

/** Every other option of `lsg convert`; keys are flags in camelCase, the order is the help's. */
const ConversionSchema = z.strictObject({
  to: z
    .enum(VARIANTS)
    .optional()
    .describe("variant to write (default: lsg; of a Longformer a longer Longformer)"),
  preset: z
    .enum(PRESETS)
    .default("faithful")
    .describe(
      "what to start from; faithful: short inputs compute what they did, reference: lsg-converter's defaults",
    ),
  maxSequenceLength: z
    .int()
    .positive()
    .max(MAX_TOKENS)
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
  seed: z.int().nonnegative().default(DEFAULT_SEED).describe("seed of everything that is drawn"),
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

/** Which tokens of a Longformer have global attention. */
const GLOBAL_ATTENTION = ["auto", "input"] as const;
export type GlobalAttention = (typeof GLOBAL_ATTENTION)[number];

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
  globalAttention: z
    .enum(GLOBAL_ATTENTION)
    .optional()
    .describe("Longformer: global tokens as its head gives them (auto), or an input global_attention_mask"),
});

/** The graphs that a conversion writes: a comma list, or nothing behind the flag for float32. */
const OnnxSchema = z.strictObject({
  onnx: z
    .preprocess(
      (value) => (value === true ? ["fp32"] : typeof value === "string" ? value.split(",") : value),
      z.array(z.enum(GRAPH_DTYPES)).min(1).optional(),
    )
    .meta({
      description: `export ONNX graphs of these dtypes: ${GRAPH_DTYPES.join(", ")}`,
      valueMayBeLeftOut: true,
    }),
});

/** A comma list of positive integers. */
const NumbersSchema = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",").map(wholeNumber) : value),
  z.array(z.int().positive().max(MAX_TOKENS)).min(1).optional(),
);

/** Longformer's own keys as flags. */
const LongformerSchema = z.strictObject({
  attentionWindow: NumbersSchema.describe(
    "tokens in a window, half of them on either side; one number, or one for each layer (default: by preset)",
  ),
  attentionDilation: NumbersSchema.describe(
    "distance between the tokens of a window; one number, or one for each layer (transformers ignores it)",
  ),
});

/** LSG's own keys as flags: all optional, since a preset or an LSG source may set them. */
const LsgFlagsSchema = LsgConfigSchema.partial();

/** Whether a conversion is proven before it takes its place; the model card then says so. */
const RunTestSchema = z.strictObject({
  runTest: z.boolean().default(false).describe("prove the result before it takes its place (lsg verify)"),
});

/** Where models run that are verified. */
const DeviceSchema = z.strictObject({
  device: z.enum(DEVICES).default("auto").describe("where the models run that are verified"),
});

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
  ...ConversionSchema.pick({ revision: true }).shape,
  seed: z
    .int()
    .nonnegative()
    .optional()
    .describe(`seed of lsh's directions (default: what the conversion took, else ${DEFAULT_SEED})`),
});

/** More lengths than this are a typing error. */
const MAX_LENGTHS = 1000;

const VerifySchema = z.strictObject({
  against: z
    .string()
    .optional()
    .describe("the original, a folder or a Hub model (default: what lsg_conversion.json names)"),
  lengths: z
    .preprocess(
      (value) => (typeof value === "string" ? value.split(",").map(wholeNumber) : value),
      z.array(z.int().positive()).min(1).max(MAX_LENGTHS).optional(),
    )
    .describe("tokens of the inputs to look at, e.g. 512,4096 (default: around the borders of blocks)"),
  text: z.string().optional().describe("a text of your own to compare predictions on"),
  report: z
    .string()
    .regex(/\.(md|html)$/, "expected a file name that ends in .md or .html")
    .optional()
    .describe("write a report with pictures: FILE.md or FILE.html"),
  listDevices: z.boolean().default(false).describe("show which devices there are and what others lack"),
});

const VerifyRunSchema = z.strictObject({
  ...RunSchema.pick({ json: true, quiet: true }).shape,
  ...ConversionSchema.pick({ seed: true, revision: true }).shape,
});

const DecisiveSchema = z.strictObject({
  ...ConversionSchema.shape,
  ...LongformerSchema.shape,
  ...OnnxSchema.shape,
  ...GraphSchema.shape,
  ...RunTestSchema.shape,
});

/** What decides the bytes of a conversion; recorded in lsg_conversion.json. */
export type ConversionOptions = z.output<typeof DecisiveSchema> & {
  /** LSG config keys that were asked for, by their names in config.json. */
  readonly lsg: z.output<typeof LsgFlagsSchema>;
};

/** What the user asked of `lsg convert`, validated. */
export type ConvertOptions = ConversionOptions & z.output<typeof DeviceSchema> & z.output<typeof RunSchema>;

/** What the user asked of `lsg export`, validated. */
export type ExportOptions = z.output<typeof GraphSchema> & z.output<typeof ExportRunSchema>;

/** What the user asked of `lsg verify`, validated. */
export type VerifyOptions = z.output<typeof VerifySchema> &
  z.output<typeof DeviceSchema> &
  z.output<typeof VerifyRunSchema>;

/** The flags of `lsg convert`, read from the schemas. */
export function convertFlags(): Flag[] {
  return [
    ...flagsOf("Conversion:", ConversionSchema.shape),
    ...flagsOf("LSG attention (defaults by preset):", LsgConfigSchema.shape).map((flag) => {
      const { defaultValue: _, ...rest } = { ...flag, key: camelCase(flag.key), negatable: true };
      return rest;
    }),
    ...flagsOf("Longformer attention (--to longformer):", LongformerSchema.shape),
    ...flagsOf("ONNX:", { ...OnnxSchema.shape, ...GraphSchema.shape }),
    ...flagsOf("Verification:", { ...RunTestSchema.shape, ...DeviceSchema.shape }),
    ...flagsOf("Output:", RunSchema.shape),
  ];
}

/** The flags of `lsg verify`. */
export function verifyFlags(): Flag[] {
  return [
    ...flagsOf("Verification:", { ...VerifySchema.shape, ...DeviceSchema.shape }),
    ...flagsOf("Output:", VerifyRunSchema.shape),
  ];
}

/** The flags of `lsg export`. */
export function exportFlags(): Flag[] {
  return [...flagsOf("ONNX:", GraphSchema.shape), ...flagsOf("Output:", ExportRunSchema.shape)];
}

/** The options without those that only say how to run. */
export function decisiveOptions(options: ConvertOptions): ConversionOptions {
  const keys = [...Object.keys(DecisiveSchema.shape), "lsg"];
  return pick(options, keys) as ConversionOptions;
}

/** Validates the parsed arguments of `lsg verify`. @throws OptionError as `parseConvertOptions` does. */
export function parseVerifyOptions(given: Readonly<Record<string, unknown>>): VerifyOptions {
  return {
    ...validate(VerifySchema, pick(given, Object.keys(VerifySchema.shape))),
    ...validate(DeviceSchema, pick(given, Object.keys(DeviceSchema.shape))),
    ...validate(VerifyRunSchema, pick(given, Object.keys(VerifyRunSchema.shape))),
  };
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
    ...validate(DecisiveSchema, take(Object.keys(DecisiveSchema.shape))),
    ...validate(DeviceSchema, take(Object.keys(DeviceSchema.shape))),
    ...validate(RunSchema, take(Object.keys(RunSchema.shape))),
    lsg: withoutDefaults(validate(LsgFlagsSchema, lsgGiven), lsgGiven),
  };
}

/**
 * The options of a conversion as lsg_conversion.json holds them: by the flags' names in snake_case.
 * @throws OptionError for one that is unknown or has another type: another version of lsg wrote it, or nobody.
 */
export function parseRecordedOptions(recorded: Readonly<Record<string, unknown>>): ConversionOptions {
  const { lsg = {}, ...options } = recorded;
  const given = Object.fromEntries(Object.entries(options).map(([key, value]) => [camelCase(key), value]));
  const lsgGiven = isRecord(lsg) ? lsg : { lsg };
  return {
    ...validate(DecisiveSchema, given),
    lsg: withoutDefaults(validate(LsgFlagsSchema, lsgGiven), lsgGiven),
  };
}

function withoutDefaults<T extends object>(parsed: T, given: object): T {
  return pick(parsed, Object.keys(given)) as T;
}

/** A number out of a list on the command line; what is no number stays text, to be refused by its schema. */
function wholeNumber(text: string): unknown {
  return /^\s*\d+\s*$/.test(text) ? Number(text) : text;
}

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined),
  );
}
