import type { z } from "zod";
import { LsgConfigSchema } from "../attention/lsg-config.js";
import { OptionError } from "../base/errors.js";
import { isRecord } from "../json/json-edit.js";
import { EvaluateRunSchema, EvaluateSchema } from "./evaluation.js";
import { camelCase, type Flag, flagName, flagsOf, snakeKeys } from "./flags.js";
import { parseKwargs } from "./kwargs.js";
import { DataSchema, PredictOutputSchema, PredictSchema } from "./reading.js";
import {
  BatchSchema,
  BenchRunSchema,
  BenchSchema,
  ConversionSchema,
  DeviceSchema,
  ExportRunSchema,
  GraphSchema,
  InspectSchema,
  LongformerSchema,
  LsgFlagsSchema,
  OnnxSchema,
  PredictRunSchema,
  PushOutputSchema,
  PushRunSchema,
  PushSchema,
  PushToSchema,
  ResultSchema,
  RunSchema,
  RunTestSchema,
  VerifyRunSchema,
  VerifySchema,
  WindowsSchema,
} from "./schemas.js";
import { validate } from "./validate.js";

/** What decides the bytes of a conversion; recorded in lsg_conversion.json. */
export type ConversionOptions = z.output<typeof ResultSchema> & {
  /** LSG config keys that were asked for, by their names in config.json. */
  readonly lsg: z.output<typeof LsgFlagsSchema>;
};

/** What the user asked of `lsg convert`, validated. */
export type ConvertOptions = ConversionOptions &
  z.output<typeof DeviceSchema> &
  z.output<typeof PushToSchema> &
  z.output<typeof RunSchema>;

/** What the user asked of `lsg push`, validated. */
export type PushOptions = z.output<typeof PushSchema> &
  z.output<typeof PushRunSchema> &
  z.output<typeof PushOutputSchema>;

/** What the user asked of `lsg export`, validated. */
export type ExportOptions = z.output<typeof OnnxSchema> &
  z.output<typeof GraphSchema> &
  z.output<typeof ExportRunSchema>;

/** What the user asked of `lsg verify`, validated. */
export type VerifyOptions = z.output<typeof VerifySchema> &
  z.output<typeof DeviceSchema> &
  z.output<typeof VerifyRunSchema>;

/** What the user asked of `lsg batch`, validated. */
export type BatchOptions = z.output<typeof BatchSchema>;

/** What the user asked of `lsg bench`, validated. */
export type BenchOptions = z.output<typeof BenchSchema> &
  z.output<typeof DeviceSchema> &
  z.output<typeof BenchRunSchema>;

/** What the user asked of `lsg evaluate`, validated. */
export type EvaluateOptions = z.output<typeof EvaluateSchema> &
  z.output<typeof DeviceSchema> &
  z.output<typeof EvaluateRunSchema>;

/** What the user asked of `lsg predict`, validated. */
export type PredictOptions = z.output<typeof DataSchema> &
  z.output<typeof PredictSchema> &
  z.output<typeof DeviceSchema> &
  z.output<typeof PredictOutputSchema> &
  z.output<typeof PredictRunSchema>;

/** The flags of `lsg convert`, read from the schemas. */
export function convertFlags(): Flag[] {
  return [
    ...variantFlags(),
    ...flagsOf("ONNX:", { ...OnnxSchema.shape, ...GraphSchema.shape }),
    ...flagsOf("Verification:", { ...RunTestSchema.shape, ...DeviceSchema.shape }),
    ...flagsOf("Hub:", PushToSchema.shape),
    ...flagsOf("Output:", RunSchema.shape),
  ];
}

/** The flags that say what to make of a model. */
function variantFlags(): Flag[] {
  return [
    ...flagsOf("Conversion:", ConversionSchema.shape),
    ...flagsOf("LSG attention (defaults by preset):", LsgConfigSchema.shape).map((flag) => {
      const { defaultValue: _, ...rest } = { ...flag, key: camelCase(flag.key), negatable: true };
      return rest;
    }),
    ...flagsOf("Longformer attention (--to longformer):", LongformerSchema.shape),
    ...flagsOf("Windows (--to windows):", WindowsSchema.shape),
  ];
}

/** The flags of `lsg inspect`: a conversion's, and what to show. */
export function inspectFlags(): Flag[] {
  return [...variantFlags(), ...flagsOf("Output:", InspectSchema.shape)];
}

export function verifyFlags(): Flag[] {
  return [
    ...flagsOf("Verification:", { ...VerifySchema.shape, ...DeviceSchema.shape }),
    ...flagsOf("Output:", VerifyRunSchema.shape),
  ];
}

export function benchFlags(): Flag[] {
  return [
    ...flagsOf("Measurement:", { ...BenchSchema.shape, ...DeviceSchema.shape }),
    ...flagsOf("Output:", BenchRunSchema.shape),
  ];
}

export function evaluateFlags(): Flag[] {
  return [
    ...flagsOf("Evaluation:", { ...EvaluateSchema.shape, ...DeviceSchema.shape }),
    ...flagsOf("Output:", EvaluateRunSchema.shape),
  ];
}

export function predictFlags(): Flag[] {
  return [
    ...flagsOf("Data:", DataSchema.shape),
    ...flagsOf("Prediction:", { ...PredictSchema.shape, ...DeviceSchema.shape }),
    ...flagsOf("Output:", { ...PredictOutputSchema.shape, ...PredictRunSchema.shape }),
  ];
}

export function pushFlags(): Flag[] {
  return [
    ...flagsOf("Hub:", PushSchema.shape),
    ...flagsOf("Verification:", PushRunSchema.shape),
    ...flagsOf("Output:", PushOutputSchema.shape),
  ];
}

export function exportFlags(): Flag[] {
  return [
    ...flagsOf("ONNX:", { ...OnnxSchema.shape, ...GraphSchema.shape }),
    ...flagsOf("Output:", ExportRunSchema.shape),
  ];
}

export function batchFlags(): Flag[] {
  return flagsOf("Batch:", BatchSchema.shape);
}

/** The options without those that only say how to run. */
export function resultOptions(options: ConversionOptions): ConversionOptions {
  const keys = [...Object.keys(ResultSchema.shape), "lsg"];
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

/** Validates the parsed arguments of `lsg bench`. @throws OptionError as `parseConvertOptions` does. */
export function parseBenchOptions(given: Readonly<Record<string, unknown>>): BenchOptions {
  return {
    ...validate(BenchSchema, pick(given, Object.keys(BenchSchema.shape))),
    ...validate(DeviceSchema, pick(given, Object.keys(DeviceSchema.shape))),
    ...validate(BenchRunSchema, pick(given, Object.keys(BenchRunSchema.shape))),
  };
}

/** Validates the parsed arguments of `lsg evaluate`. @throws OptionError as `parseConvertOptions` does. */
export function parseEvaluateOptions(given: Readonly<Record<string, unknown>>): EvaluateOptions {
  return {
    ...validate(EvaluateSchema, pick(given, Object.keys(EvaluateSchema.shape))),
    ...validate(DeviceSchema, pick(given, Object.keys(DeviceSchema.shape))),
    ...validate(EvaluateRunSchema, pick(given, Object.keys(EvaluateRunSchema.shape))),
  };
}

/** Validates the parsed arguments of `lsg predict`. @throws OptionError as `parseConvertOptions` does. */
export function parsePredictOptions(given: Readonly<Record<string, unknown>>): PredictOptions {
  return {
    ...validate(DataSchema, pick(given, Object.keys(DataSchema.shape))),
    ...validate(PredictSchema, pick(given, Object.keys(PredictSchema.shape))),
    ...validate(DeviceSchema, pick(given, Object.keys(DeviceSchema.shape))),
    ...validate(PredictOutputSchema, pick(given, Object.keys(PredictOutputSchema.shape))),
    ...validate(PredictRunSchema, pick(given, Object.keys(PredictRunSchema.shape))),
  };
}

/** Validates the parsed arguments of `lsg push`. @throws OptionError as `parseConvertOptions` does. */
export function parsePushOptions(given: Readonly<Record<string, unknown>>): PushOptions {
  return {
    ...validate(PushSchema, pick(given, Object.keys(PushSchema.shape))),
    ...validate(PushRunSchema, pick(given, Object.keys(PushRunSchema.shape))),
    ...validate(PushOutputSchema, pick(given, Object.keys(PushOutputSchema.shape))),
  };
}

/** Validates the parsed arguments of `lsg batch`. @throws OptionError as `parseConvertOptions` does. */
export function parseBatchOptions(given: Readonly<Record<string, unknown>>): BatchOptions {
  return validate(BatchSchema, pick(given, Object.keys(BatchSchema.shape)));
}

/**
 * Validates what `lsg inspect` takes besides a conversion's options, which are passed on as they came.
 * @throws OptionError as `parseConvertOptions` does.
 */
export function parseInspectOptions(
  given: Readonly<Record<string, unknown>>,
): z.output<typeof InspectSchema> & { readonly [key: string]: unknown } {
  return { ...given, ...validate(InspectSchema, pick(given, Object.keys(InspectSchema.shape))) };
}

/** Validates the parsed arguments of `lsg export`. @throws OptionError as `parseConvertOptions` does. */
export function parseExportOptions(given: Readonly<Record<string, unknown>>): ExportOptions {
  const onnx = validate(OnnxSchema, pick(given, Object.keys(OnnxSchema.shape)));
  const graph = validate(GraphSchema, pick(given, Object.keys(GraphSchema.shape)));
  const run = validate(ExportRunSchema, pick(given, Object.keys(ExportRunSchema.shape)));
  const idle = run.opOnly ? (onnx.onnx ? "onnx" : graphOption(graph)) : undefined;
  if (idle !== undefined) {
    throw new OptionError(
      `${flagName(idle)} says how a whole model is written, and --op-only writes its attention op alone`,
      "Leave one of them out.",
    );
  }
  return { ...onnx, ...graph, ...run };
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
  const result = validate(ResultSchema, take(Object.keys(ResultSchema.shape)));
  const idle = result.onnx ? undefined : graphOption(result);
  if (idle !== undefined) {
    throw new OptionError(
      `${flagName(idle)} says how a graph is written, and none is asked for`,
      "Add --onnx, or leave it out.",
    );
  }
  const pushing = parsePushTo(take(Object.keys(PushToSchema.shape)));
  return {
    ...result,
    // What is pushed is proven first, unless that is declined.
    runTest: result.runTest || (pushing.pushTo !== undefined && pushing.verify),
    ...validate(DeviceSchema, take(Object.keys(DeviceSchema.shape))),
    ...pushing,
    ...validate(RunSchema, take(Object.keys(RunSchema.shape))),
    lsg: withoutDefaults(validate(LsgFlagsSchema, lsgGiven), lsgGiven),
  };
}

/** What was asked for, by the flags' names in snake_case: what a converted folder's record keeps. */
export type RecordedOptions = Readonly<Record<string, unknown>> & {
  readonly lsg: Readonly<Record<string, unknown>>;
};

/** Options as lsg_conversion.json holds them: by the flags' names in snake_case, LSG's own in `lsg`. */
export function recordedOptions(options: ConversionOptions): RecordedOptions {
  return { ...snakeKeys(resultOptions(options)), lsg: options.lsg };
}

/** @throws OptionError for an option about pushing where nothing is pushed. */
function parsePushTo(given: Record<string, unknown>): z.output<typeof PushToSchema> {
  const [first] = Object.keys(PushSchema.shape).filter((key) => key in given);
  if (first !== undefined && given.pushTo === undefined) {
    const name = given[first] === false ? `no-${first}` : first;
    throw new OptionError(`${flagName(name)} is for a conversion that is pushed`, "Add --push-to REPO.");
  }
  return validate(PushToSchema, given);
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
    ...validate(ResultSchema, given),
    lsg: withoutDefaults(validate(LsgFlagsSchema, lsgGiven), lsgGiven),
  };
}

/** The first option that says how a model's graph is written. */
function graphOption(options: z.output<typeof GraphSchema>): string | undefined {
  return (["onnxWeights", "task", "globalAttention"] as const).find((key) => options[key] !== undefined);
}

function withoutDefaults<T extends object>(parsed: T, given: object): T {
  return pick(parsed, Object.keys(given)) as T;
}

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined),
  );
}
