import { z } from "zod";
import { LsgConfigSchema } from "../attention/lsg-config.js";
import { snakeKeys } from "../options/flags.js";
import { DecisiveSchema, DeviceSchema, PushToSchema } from "../options/schemas.js";

/** More are a typing error: a matrix multiplies fast. */
export const MAX_JOBS = 10_000;

/**
 * The options of `lsg convert` that say what to make, by their names in files; how to run (`--force`, `--json`, …) is
 * said once, to the batch. None has a default here: what a job leaves out, `defaults` may set.
 */
const OPTIONS = Object.fromEntries(
  Object.entries({
    ...snakeKeys({ ...DecisiveSchema.shape, ...DeviceSchema.shape, ...PushToSchema.shape }),
    ...LsgConfigSchema.shape,
  }).map(([key, schema]) => [key, asGiven(key, schema as z.ZodType)]),
);

/** Names of the options that a job may have. */
export const JOB_OPTIONS: readonly string[] = Object.keys(OPTIONS);

const PLACEHOLDERS = "{model} and {OPTION}, e.g. {max_sequence_length}, are filled in";

const OwnSchema = z.strictObject({
  name: z
    .string()
    .min(1)
    .optional()
    .describe(
      `what it is called in logs; ${PLACEHOLDERS} (default: the model's name and the matrix's values)`,
    ),
  output: z
    .string()
    .min(1)
    .optional()
    .describe(`folder to write; {name}, ${PLACEHOLDERS}; so are they in push_to`),
});

const ModelSchema = z.string().min(1);

const MatrixSchema = z
  .strictObject({
    model: lists(ModelSchema).describe("models to convert"),
    ...Object.fromEntries(Object.entries(OPTIONS).map(([key, schema]) => [key, lists(schema)])),
  })
  .describe("one job for every combination of the values; the last key changes fastest");

const JobSchema = z.strictObject({
  model: ModelSchema.optional().describe("folder, or Hub model (org/name, hf://org/name@revision)"),
  ...OwnSchema.shape,
  matrix: MatrixSchema.optional(),
  ...OPTIONS,
});

/** A file of jobs, JSON or YAML. Paths are those of the command line: from the current folder. */
export const JobsFileSchema = z.strictObject({
  $schema: z.string().optional().describe("where this schema is, for editors"),
  defaults: z
    .strictObject({ ...OwnSchema.shape, ...OPTIONS })
    .optional()
    .describe("what a job has that does not say otherwise"),
  jobs: z.array(JobSchema).min(1).max(MAX_JOBS).describe("conversions"),
});

/** The options of a job, of `defaults` or of a matrix are its other keys, by their names in snake_case. */
type WithOptions<T> = T & { readonly [option: string]: unknown };

/** A jobs file as it was validated. */
export interface JobsFile {
  readonly defaults?: WithOptions<z.input<typeof OwnSchema>> | undefined;
  readonly jobs: readonly WithOptions<z.input<typeof JobSchema>>[];
}

/** The file's JSON Schema, which docs/batch-jobs.schema.json holds. */
export function jobsJsonSchema(): object {
  const schema = z.toJSONSchema(JobsFileSchema, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      // What takes a list takes the command line's text for it too.
      if (!(zodSchema instanceof z.ZodPipe)) return;
      const { description: _, valueMayBeLeftOut, ...list } = jsonSchema;
      for (const key of Object.keys(list)) delete jsonSchema[key];
      delete jsonSchema.valueMayBeLeftOut;
      jsonSchema.anyOf = [list, { type: "string" }, ...(valueMayBeLeftOut ? [{ const: true }] : [])];
    },
  });
  return { title: "lsg batch", ...schema };
}

function lists(schema: z.ZodType) {
  return z.array(schema).min(1).exactOptional();
}

/** A schema that takes the same values, and no value where there is none. */
function asGiven(id: string, schema: z.ZodType): z.ZodType {
  return z.optional(withoutDefault(schema)).meta({ id, description: schema.description });
}

function withoutDefault(schema: z.core.$ZodType): z.core.$ZodType {
  const hasFallback =
    schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional;
  return hasFallback ? withoutDefault(schema.def.innerType) : schema;
}
