// What `import … from "lsg-convert"` gives: the verbs of the command line with the same options, in camelCase.

import type { LsgConfig } from "./attention/lsg-config.js";
import type { ConvertResult } from "./commands/convert.js";
import type { ExportResult } from "./commands/export.js";
import type { EvaluationReport } from "./evaluate/report-schema.js";
import type { Inspection } from "./inspect/types.js";
import {
  type CallSettings,
  type CamelCased,
  checkEvents,
  type Optional,
  optionsOf,
  progressEvents,
} from "./library/settings.js";
import {
  type ConvertOptions,
  convertFlags,
  type EvaluateOptions,
  type ExportOptions,
  evaluateFlags,
  exportFlags,
  type PredictOptions,
  type PushOptions,
  parseConvertOptions,
  parseEvaluateOptions,
  parseExportOptions,
  parsePredictOptions,
  parsePushOptions,
  parseVerifyOptions,
  predictFlags,
  pushFlags,
  resultOptions,
  type VerifyOptions,
  verifyFlags,
} from "./options/options.js";
import type { Asked } from "./predict/predictor.js";
import type { ModelInput, Prediction } from "./predict/types.js";
import type { PushResult } from "./push/push-folder.js";
import type { VerificationReport } from "./verify/report/report-schema.js";

export { LsgError } from "./base/errors.js";
export type { ConvertResult } from "./commands/convert.js";
export type { ExportResult } from "./commands/export.js";
export type { EvaluationReport } from "./evaluate/report-schema.js";
export type { Inspection } from "./inspect/types.js";
export type { CallSettings, LsgEvent, OnEvent } from "./library/settings.js";
export type {
  Answer,
  CharacterSpan,
  Entity,
  FilledMask,
  LabelScore,
  ModelInput,
  Prediction,
} from "./predict/types.js";
export type { PushResult } from "./push/push-folder.js";
export type { Check } from "./verify/check.js";
export type { VerificationReport } from "./verify/report/report-schema.js";
export { VerificationError } from "./verify/verification-error.js";

/** What only a command line has use for. */
type Printing = "json" | "quiet";

/** The options of `lsg convert`, LSG's own keys in camelCase as well, and the folder to write. */
export type ConvertInput = Optional<Omit<ConvertOptions, "lsg" | Printing>> &
  CamelCased<LsgConfig> &
  CallSettings & { readonly output?: string | undefined };

/** The options of `lsg export`, and the folder to write. */
export type ExportInput = Optional<Omit<ExportOptions, "opOnly" | Printing>> &
  CallSettings & { readonly output?: string | undefined };

/** The options of `lsg inspect`: a conversion's. */
export type InspectInput = Omit<ConvertInput, "output">;

export type VerifyInput = Optional<Omit<VerifyOptions, "report" | "listDevices" | Printing>> & CallSettings;

export type PushInput = Optional<Omit<PushOptions, Printing>> & CallSettings;

/** The options of `lsg predict` without those of files. */
export type PredictInput = Optional<
  Omit<PredictOptions, "format" | "documents" | "textColumn" | "pairColumn" | "output" | Printing>
> &
  CallSettings;

/** A prediction, with how many of a document's tokens were read: fewer where it was cut. */
export type DocumentPrediction = Prediction & { readonly tokens: number; readonly read: number };

/** The options of `lsg evaluate`; `data` is the file or folder of documents. */
export type EvaluateInput = Optional<Omit<EvaluateOptions, "data" | "html" | Printing>> &
  Pick<EvaluateOptions, "data"> &
  CallSettings;

/**
 * Converts a checkpoint, as `lsg convert` does: a whole folder or nothing.
 * @param model a folder or a Hub id
 * @throws LsgError for bad input, before anything is written
 * @throws VerificationError with its report if `runTest` finds that the result falls short; nothing is written then
 */
export async function convert(model: string, input: ConvertInput = {}): Promise<ConvertResult> {
  const { output, signal, onEvent, ...given } = input;
  const options = parseConvertOptions(optionsOf(given, convertFlags()));
  const run = (await import("./commands/convert.js")).convert;
  return run(model, output, options, {
    signal,
    ...(onEvent && { progress: progressEvents(onEvent), listener: checkEvents(onEvent) }),
  });
}

/**
 * Exports ONNX graphs of a checkpoint, as `lsg export` does.
 * @param model a folder, which then gets them unless there is an output, or a Hub id
 * @throws LsgError for bad input, before anything is written
 */
export async function exportOnnx(model: string, input: ExportInput = {}): Promise<ExportResult> {
  const { output, signal, onEvent, ...given } = input;
  const options = parseExportOptions(optionsOf(given, exportFlags()));
  const run = (await import("./commands/export.js")).exportOnnx;
  return run(model, output, options, { signal, ...(onEvent && { progress: progressEvents(onEvent) }) });
}

/**
 * Verifies a converted folder against its original, as `lsg verify` does.
 * @param model a folder or a Hub id
 * @returns the report, whatever its verdict
 * @throws LsgError if there is no such folder, original or device
 */
export async function verify(model: string, input: VerifyInput = {}): Promise<VerificationReport> {
  const { signal, onEvent, ...given } = input;
  const options = parseVerifyOptions(optionsOf(given, verifyFlags()));
  const run = (await import("./commands/verify.js")).verify;
  const onStep = onEvent && ((text: string) => onEvent({ type: "step", text }));
  return run(model, options, { signal, onStep, ...(onEvent && checkEvents(onEvent)) });
}

/**
 * Compares models, and ways to read long documents with them, as `lsg evaluate` does.
 * @param models folders or Hub ids: a source, converted ones
 * @returns the report; where nothing could be compared its `compared` is false
 * @throws LsgError for models or data that are not there, or do not go together
 */
export async function evaluate(
  models: string | readonly string[],
  input: EvaluateInput,
): Promise<EvaluationReport> {
  const { signal, onEvent, ...given } = input;
  const options = parseEvaluateOptions(optionsOf(given, evaluateFlags()));
  const run = (await import("./commands/evaluate.js")).evaluate;
  return run([models].flat(), options, {
    signal,
    ...(onEvent && {
      onStep: (text: string) => onEvent({ type: "step", text }),
      onProgress: (counted) => onEvent({ type: "count", ...counted }),
    }),
  });
}

/**
 * Says what a model is and what a conversion with these options would change, as `lsg inspect --json` does.
 * @param model a folder or a Hub id, of which no weights are downloaded
 * @throws LsgError if there is no such model, or its files are damaged
 */
export async function inspect(model: string, input: InspectInput = {}): Promise<Inspection> {
  const { signal, onEvent, ...given } = input;
  const options = resultOptions(parseConvertOptions(optionsOf(given, convertFlags())));
  const run = (await import("./commands/inspect.js")).inspect;
  const onStep = onEvent && ((text: string) => onEvent({ type: "step", text }));
  return run(model, options, { signal, onStep });
}

/**
 * Pushes a converted folder to the Hub, as `lsg push` does, with the token of the environment.
 * @param repo `org/name`, or `name` for a repository of the token's owner
 * @throws LsgError before anything is written, for whatever is wrong with the folder, the token or the repository
 * @throws VerificationError with its report if the folder does not pass; nothing is pushed then
 */
export async function push(folder: string, repo: string, input: PushInput = {}): Promise<PushResult> {
  const { signal, onEvent, ...given } = input;
  const options = parsePushOptions(optionsOf(given, pushFlags()));
  const run = (await import("./commands/push.js")).push;
  return run(folder, repo, options, {
    signal,
    ...(onEvent && { progress: progressEvents(onEvent), listener: checkEvents(onEvent) }),
  });
}

/**
 * Predicts of documents, as `lsg predict` does, in their order.
 * @param model a folder or a Hub id
 * @param documents texts, pairs, lists of words or choices, as many as there are: some dozens are read ahead
 * @throws LsgError for a model or document that cannot be used
 */
export async function* predict(
  model: string,
  documents: Iterable<string | ModelInput> | AsyncIterable<string | ModelInput>,
  input: PredictInput = {},
): AsyncGenerator<DocumentPrediction> {
  const { signal, onEvent, ...given } = input;
  const flags = predictFlags().filter(({ group, key }) => group === "Prediction:" || key === "revision");
  const options = parsePredictOptions(optionsOf(given, flags));
  const { openPredictor } = await import("./predict/open-predictor.js");
  const onStep = onEvent && ((text: string) => onEvent({ type: "step", text }));
  const predictor = await openPredictor(model, { ...options, signal, onStep });
  try {
    for await (const { prediction, tokens, read } of predictor.predict(askedOf(documents))) {
      yield { ...prediction, tokens, read };
    }
  } finally {
    await predictor.close();
  }
}

async function* askedOf(
  documents: Iterable<string | ModelInput> | AsyncIterable<string | ModelInput>,
): AsyncGenerator<Asked> {
  for await (const document of documents) {
    yield { input: typeof document === "string" ? { kind: "text", text: document } : document };
  }
}
