import { z } from "zod";
import { LsgConfigSchema, MAX_TOKENS, PRESETS } from "../attention/lsg-config.js";
import { DEFAULT_WINDOW_OVERLAP, MERGES } from "../attention/windows.js";
import { DEVICES } from "../base/device-names.js";
import { GRAPH_DTYPES } from "../base/graph-dtypes.js";

/** The length that a conversion aims at where the source is no longer than half of it. */
export const DEFAULT_MAX_SEQUENCE_LENGTH = 4096;

/** Of everything that is drawn; the reference's. */
export const DEFAULT_SEED = 123;

/** Between the positions that global tokens start from; the reference's. */
export const DEFAULT_STRIDE = 64;

/** What `--to` names. */
export const VARIANTS = ["lsg", "longformer", "windows"] as const;
export type Variant = (typeof VARIANTS)[number];

/** Which rows stand in a longer table of positions, behind the source's own or in their place. */
export const POSITIONS = ["tile", "tile2", "phase", "interpolate"] as const;
export type Positions = (typeof POSITIONS)[number];

const AddedTokensSchema = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",").map((token) => token.trim()) : value),
  z
    .array(z.string().refine((token) => token.trim() !== "", "a token is empty"))
    .min(1)
    .refine((tokens) => new Set(tokens).size === tokens.length, "a token stands there twice")
    .optional(),
);

/** Every other option of `lsg convert`; keys are flags in camelCase, the order is the help's. */
export const ConversionSchema = z.strictObject({
  to: z
    .enum(VARIANTS)
    .optional()
    .describe("variant to write (default: lsg; of a Longformer or of windows more of the same)"),
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
      `tokens that the result reads (default: ${DEFAULT_MAX_SEQUENCE_LENGTH}, or twice the source's if more); fewer than the source's cut its table (windows: more than the source's)`,
    ),
  positions: z
    .enum(POSITIONS)
    .optional()
    .describe(
      "where more positions come from (default: tile, the source's repeat); the others are experiments, see docs",
    ),
  modelType: z
    .string()
    .optional()
    .describe("what the model is, where its config.json has no model_type, e.g. bert"),
  architecture: z.string().optional().describe("class to write, e.g. RobertaForSequenceClassification"),
  globalPositionalStride: z
    .int()
    .positive()
    .default(DEFAULT_STRIDE)
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
  addTokens: AddedTokensSchema.describe(
    'special tokens to add, e.g. "[ent],[/ent]"; those that are there keep their ids',
  ),
  revision: z.string().optional().describe("Hub branch, tag or commit"),
});

/** Where a graph's weights lie. */
const ONNX_WEIGHTS = ["embedded", "external", "shared"] as const;

/** Which tokens of a Longformer have global attention. */
const GLOBAL_ATTENTION = ["auto", "input"] as const;
export type GlobalAttention = (typeof GLOBAL_ATTENTION)[number];

/** What an export takes; `lsg convert` takes it as well. */
export const GraphSchema = z.strictObject({
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

/** The graphs that are written: a comma list, or nothing behind the flag for float32. */
export const OnnxSchema = z.strictObject({
  onnx: z
    .preprocess(
      (value) => (value === true ? ["fp32"] : typeof value === "string" ? value.split(",") : value),
      z.array(z.enum(GRAPH_DTYPES)).min(1).optional(),
    )
    .meta({
      description: `export ONNX graphs of these dtypes: ${GRAPH_DTYPES.join(", ")} (fp32 where none is named)`,
      valueMayBeLeftOut: true,
    }),
});

const TokensSchema = z.int().positive().max(MAX_TOKENS);

/** A comma list of positive integers. */
const NumbersSchema = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",").map(wholeNumber) : value),
  z.array(TokensSchema).min(1).optional(),
);

/** A comma list for layers, of positive integers or of colon lists of them for the heads of a layer. */
const ByHeadSchema = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",").map(numberOrByHead) : value),
  z
    .array(
      z.union([TokensSchema, z.array(TokensSchema).min(1)], {
        error: `expected whole numbers from 1 to ${MAX_TOKENS}, layers parted by commas and heads by colons`,
      }),
    )
    .min(1)
    .optional(),
);

/** Longformer's own keys as flags. */
export const LongformerSchema = z.strictObject({
  attentionWindow: NumbersSchema.describe(
    "tokens in a window, half of them on either side; one number, or one for each layer (default: by preset)",
  ),
  attentionDilation: ByHeadSchema.describe(
    "distance between the tokens of a window; one number, or one for each layer, or for each of its heads as in " +
      "1,1:1:2:2 (transformers ignores it)",
  ),
});

/** Windows' own keys as flags. */
export const WindowsSchema = z.strictObject({
  merge: z
    .enum(MERGES)
    .optional()
    .describe(
      "what stands for the first token of a long text, of which every window has one (default: what suits the class)",
    ),
  windowOverlap: z
    .int()
    .nonnegative()
    .max(MAX_TOKENS)
    .optional()
    .describe(`tokens that neighbouring windows share at least (default: ${DEFAULT_WINDOW_OVERLAP})`),
});

/** LSG's own keys as flags: all optional, since a preset or an LSG source may set them. */
export const LsgFlagsSchema = LsgConfigSchema.partial();

/** Whether a conversion is proven before it takes its place; the model card then says so. */
export const RunTestSchema = z.strictObject({
  runTest: z.boolean().default(false).describe("prove the result before it takes its place (lsg verify)"),
});

/** Where models run that are verified or measured. */
export const DeviceSchema = z.strictObject({
  device: z.enum(DEVICES).default("auto").describe("where the models run"),
});

export const RunSchema = z.strictObject({
  force: z.boolean().default(false).describe("replace an existing output folder"),
  dryRun: z.boolean().default(false).describe("print the plan and write nothing"),
  json: z.boolean().default(false).describe("print one JSON document on stdout, nothing else"),
  quiet: z.boolean().default(false).describe("no progress"),
});

export const ExportRunSchema = z.strictObject({
  opOnly: z
    .boolean()
    .default(false)
    .describe("write the attention op alone, without weights: attention.onnx"),
  ...RunSchema.omit({ dryRun: true }).shape,
  ...ConversionSchema.pick({ revision: true, modelType: true }).shape,
  seed: z
    .int()
    .nonnegative()
    .optional()
    .describe(`seed of lsh's directions (default: what the conversion took, else ${DEFAULT_SEED})`),
});

/** More lengths than this are a typing error. */
const MAX_LENGTHS = 1000;

export const VerifySchema = z.strictObject({
  against: z
    .string()
    .optional()
    .describe(
      "the original, a folder or a Hub model; none: compare with nothing (default: what lsg_conversion.json names)",
    ),
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

/** More runs than this are a typing error. */
const MAX_RUNS = 1000;

/** More rows than this are a typing error. */
const MAX_BATCH_SIZE = 4096;

export const BenchSchema = z.strictObject({
  lengths: NumbersSchema.describe(
    "tokens of the inputs, e.g. 512,4096 (default: 512, doubled up to the longest)",
  ),
  against: z
    .string()
    .regex(/^(full|original)$|\.onnx$/, "expected full, original or a file name that ends in .onnx")
    .default("full")
    .describe("the same weights with full attention, the original, or a graph: full, original, FILE.onnx"),
  runs: z.int().positive().max(MAX_RUNS).default(5).describe("runs that count, after one to warm up"),
  batchSize: z.int().positive().max(MAX_BATCH_SIZE).default(1).describe("rows of an input"),
});

/** What `lsg bench` writes, and where from. */
export const BenchRunSchema = z.strictObject({
  html: z
    .string()
    .regex(/\.html$/, "expected a file name that ends in .html")
    .optional()
    .describe("write a page with charts: FILE.html"),
  ...RunSchema.pick({ json: true, quiet: true }).shape,
  ...ConversionSchema.pick({ seed: true, revision: true }).shape,
});

/** What `lsg inspect` shows besides. */
export const InspectSchema = z.strictObject({
  tensors: z.boolean().default(false).describe("list every tensor"),
  picture: z
    .string()
    .regex(/\.(svg|png)$/, "expected a file name that ends in .svg or .png")
    .optional()
    .describe("draw the attention pattern: FILE.svg or FILE.png"),
  ...RunSchema.pick({ json: true }).shape,
});

export const VerifyRunSchema = z.strictObject({
  ...RunSchema.pick({ json: true, quiet: true }).shape,
  ...ConversionSchema.pick({ seed: true, revision: true }).shape,
});

/** What else `lsg predict` takes. */
export const PredictRunSchema = z.strictObject({
  ...RunSchema.pick({ json: true, quiet: true }).shape,
  ...ConversionSchema.pick({ revision: true }).shape,
});

/** How a folder gets to the Hub. */
export const PushSchema = z.strictObject({
  createPr: z.boolean().default(false).describe("propose a pull request instead of committing to main"),
  private: z.boolean().default(false).describe("make a new repository private; refuse one that is public"),
  deleteStale: z
    .boolean()
    .default(false)
    .describe("delete the repository's files that loaders may read and the folder does not hold"),
  verify: z.boolean().default(true).describe("push nothing that does not pass lsg verify (default)"),
  allow: z.array(z.string().min(1)).default([]).meta({
    description: "push this file though it holds what looks like a secret; may be given several times",
    placeholder: "file",
  }),
});

/** A conversion that is pushed once it is in place. */
export const PushToSchema = z.strictObject({
  pushTo: z.string().optional().describe("push the result to this Hub repository; implies --run-test"),
  ...PushSchema.shape,
});

/** What else `lsg push` takes. */
export const PushRunSchema = z.strictObject({
  ...VerifySchema.pick({ against: true }).shape,
  ...DeviceSchema.shape,
});

export const PushOutputSchema = z.strictObject({
  dryRun: z.boolean().default(false).describe("say what would be pushed and push nothing"),
  ...RunSchema.pick({ json: true, quiet: true }).shape,
});

/** More processes than this at a time are a typing error. */
const MAX_AT_ONCE = 1024;

/** Every option of `lsg batch`; those of its jobs are `lsg convert`'s. */
export const BatchSchema = z.strictObject({
  jobs: z
    .int()
    .positive()
    .max(MAX_AT_ONCE)
    .default(1)
    .describe("conversions at a time, fewer where memory would not last"),
  shard: z
    .string()
    .optional()
    .describe("run part I of N: I/N; /N: the part after JOB_COMPLETION_INDEX (Kubernetes)"),
  junit: z
    .string()
    .regex(/^(?!.*\.(json|ya?ml)$)/i, "expected the name of an XML file, and not that of a file of jobs")
    .optional()
    .describe("write the results as JUnit XML into this file"),
  force: z
    .boolean()
    .default(false)
    .describe("convert again what is done, and replace models that lsg did not write"),
  dryRun: z.boolean().default(false).describe("open every model and print what would be done; write nothing"),
  ...RunSchema.pick({ json: true, quiet: true }).shape,
});

export const ResultSchema = z.strictObject({
  ...ConversionSchema.shape,
  ...LongformerSchema.shape,
  ...WindowsSchema.shape,
  ...OnnxSchema.shape,
  ...GraphSchema.shape,
  ...RunTestSchema.shape,
});

/** What stands for a layer in a list on the command line: a number, or one for each head. */
function numberOrByHead(layer: string): unknown {
  return layer.includes(":") ? layer.split(":").map(wholeNumber) : wholeNumber(layer);
}

/** A number out of a list on the command line; what is not a number stays text, to be refused by its schema. */
function wholeNumber(text: string): unknown {
  return /^\s*\d+\s*$/.test(text) ? Number(text) : text;
}
