import { z } from "zod";
import { OptionError } from "./errors.js";
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
  ...RunSchema.omit({ dryRun: true }).shape,
  ...ConversionSchema.pick({ seed: true, revision: true }).shape,
});

/** What decides the bytes of a conversion; recorded in lsg_conversion.json. */
export type ConversionOptions = z.output<typeof ConversionSchema> & {
  /** LSG config keys that were asked for, by their names in config.json. */
  readonly lsg: z.output<typeof LsgFlagsSchema>;
};
/** What the user asked of `lsg convert`, validated. */
export type ConvertOptions = ConversionOptions &
  z.output<typeof RunSchema> &
  z.output<typeof GraphSchema> &
  z.output<typeof OnnxSchema>;

/** What the user asked of `lsg export`, validated. */
export type ExportOptions = z.output<typeof GraphSchema> & z.output<typeof ExportRunSchema>;

/** One option as the command line shows it. */
export interface Flag {
  /** Key in the parsed arguments. */
  readonly key: string;
  readonly description: string;
  readonly kind: "boolean" | "value" | "optional value";
  /** Heading in the help. */
  readonly group: string;
  /** What stands for the value in the help. */
  readonly placeholder: string;
  readonly choices?: readonly string[];
  readonly defaultValue?: unknown;
  /** Whether switching it off says anything: it is on by default, or a preset may set it. */
  readonly negatable: boolean;
}

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
    ...parse(GraphSchema, pick(given, Object.keys(GraphSchema.shape)), flagName),
    ...parse(ExportRunSchema, pick(given, Object.keys(ExportRunSchema.shape)), flagName),
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
    ...parse(ConversionSchema, take(Object.keys(ConversionSchema.shape)), flagName),
    ...parse(OnnxSchema, take(Object.keys(OnnxSchema.shape)), flagName),
    ...parse(GraphSchema, take(Object.keys(GraphSchema.shape)), flagName),
    ...parse(RunSchema, take(Object.keys(RunSchema.shape)), flagName),
    lsg: withoutDefaults(parse(LsgFlagsSchema, lsgGiven, flagName), lsgGiven),
  };
}

/** `maxSequenceLength` or `max_sequence_length` → `--max-sequence-length`. */
export function flagName(key: string): string {
  return `--${snakeCase(key).replaceAll("_", "-")}`;
}

function flagsOf(group: string, shape: Readonly<Record<string, z.ZodType>>): Flag[] {
  return Object.entries(shape).map(([key, schema]) => {
    const inner = unwrap(schema);
    const fallback = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    return {
      key,
      group,
      description: schema.description ?? "",
      kind:
        inner instanceof z.ZodBoolean ? "boolean" : inner instanceof z.ZodPipe ? "optional value" : "value",
      placeholder: placeholderOf(inner),
      negatable: fallback === true,
      ...(inner instanceof z.ZodEnum && { choices: inner.options.map(String) }),
      ...(typeof fallback !== "object" && { defaultValue: fallback }),
    };
  });
}

function placeholderOf(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodRecord) return "json";
  return schema instanceof z.ZodPipe ? "list" : "name";
}

/** The schema below defaults, optionals and nullables. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodNullable;
  return isWrapper ? unwrap(schema.def.innerType) : schema;
}

/** Numbers arrive as text from a command line; only text that is a number in full becomes one. */
function fromText(schema: z.core.$ZodType, value: unknown): unknown {
  const isNumber = unwrap(schema) instanceof z.ZodNumber;
  return isNumber && typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}

function parse<S extends z.ZodObject>(
  schema: S,
  given: Record<string, unknown>,
  name: (key: string) => string,
): z.output<S> {
  const values = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      schema.shape[key] ? fromText(schema.shape[key], value) : value,
    ]),
  );
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const key = String(issue?.path[0] ?? "");
  throw new OptionError(
    `${name(key)} ${JSON.stringify(given[key])}: ${issue ? describeIssue(issue) : "cannot be used"}`,
    "See lsg convert --help.",
  );
}

/** What was expected, in the words of the command line. */
function describeIssue(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int" ? "expected a whole number" : `expected a ${issue.expected}`;
    case "invalid_value":
      return `expected one of ${issue.values.join(", ")}`;
    case "too_small":
      return `must be ${issue.inclusive ? "at least" : "above"} ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function parseKwargs(given: unknown): { lsg: Record<string, unknown>; other: Record<string, unknown> } {
  const kwargs = typeof given === "string" ? parseRelaxedJson(given) : (given ?? {});
  if (typeof kwargs !== "object" || kwargs === null || Array.isArray(kwargs)) {
    throw new OptionError(`--model-kwargs ${JSON.stringify(given)}: expected an object of config keys`);
  }
  const entries = Object.entries(kwargs);
  const isLsg = ([key]: [string, unknown]) => Object.hasOwn(LsgConfigSchema.shape, key);
  const other = entries.filter((entry) => !isLsg(entry));
  for (const [key] of other) refuseNearMiss(key);
  return { lsg: Object.fromEntries(entries.filter(isLsg)), other: Object.fromEntries(other) };
}

/** The reference takes single quotes for double ones; Python's literals are accepted as well. */
function parseRelaxedJson(text: string): unknown {
  const pythonAsJson = text
    .replaceAll("'", '"')
    .replace(/\b(True|False|None)\b/g, (word) => ({ True: "true", False: "false" })[word] ?? "null");
  for (const candidate of [text, pythonAsJson]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The other spelling may do.
    }
  }
  throw new OptionError(
    `--model-kwargs ${text}: this is not JSON`,
    "Write an object such as \"{'sparsity_type': 'lsh', 'block_size': 32}\".",
  );
}

/** A config may hold any key, so only what looks like a misspelt key of ours is refused. */
function refuseNearMiss(key: string): void {
  const meant = Object.keys(LsgConfigSchema.shape).find((known) => editDistance(known, key) <= 2);
  if (meant) {
    throw new OptionError(`--model-kwargs: unknown key "${key}"`, `Did you mean "${meant}"?`);
  }
}

/** Levenshtein's distance between two short words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function withoutDefaults<T extends object>(parsed: T, given: object): T {
  return pick(parsed, Object.keys(given)) as T;
}

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined),
  );
}

function snakeKeys(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [snakeCase(key), value]));
}

function camelCase(key: string): string {
  return key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
