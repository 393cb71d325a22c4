import { basename, dirname, isAbsolute, resolve } from "node:path";
import { longformerType } from "../architectures/architecture.js";
import { LsgError } from "../base/errors.js";
import { CONFIG_FILE } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { overlap } from "../checkpoint/nested.js";
import { type OpenSourceOptions, openSource } from "../checkpoint/open-source.js";
import { statedModelType } from "../checkpoint/stated-model-type.js";
import { type OpenedModel, openModel } from "../model/open.js";
import { recordedModelType } from "./conversion-record.js";
import type { ConversionRecord } from "./types.js";

/** The original, or why there is none. */
export type FoundOriginal = { readonly original: OpenedModel } | { readonly reason: string };

/**
 * Finds what a folder was converted from, by its record: a model on the Hub in the recorded revision, or a
 * folder, looked for from the current folder and beside the converted one.
 */
export async function findOriginal(
  converted: FileSource,
  record: ConversionRecord,
  options: OpenSourceOptions,
): Promise<FoundOriginal> {
  const {
    source: { model, revision },
  } = record;
  if (revision === undefined && !isRecordedPath(model)) {
    return { reason: `the record names ${model}, and no conversion records such a path` };
  }
  const open = (source: FileSource) =>
    openModel(source, { transfer: options, modelType: recordedModelType(record) });
  try {
    const original =
      revision === undefined
        ? await findFolder(converted, record, open)
        : open(await openSource(`hf://${model}@${revision}`, options));
    if (original) return { original: await original.read() };
    return { reason: `there is no folder ${model} here, nor beside the converted one` };
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    return { reason: `${model} cannot be read: ${error.message}` };
  }
}

/** Whether a folder's path is one that `recordedSource` writes: relative, and not upwards. */
function isRecordedPath(model: string): boolean {
  return !isAbsolute(model) && model !== "" && !model.split(/[/\\]/).some((part) => part === "..");
}

/** A folder of that name may be another model: it must at least be of the recorded type, and apart from the result. */
async function findFolder(
  converted: FileSource,
  record: ConversionRecord,
  open: (source: FileSource) => OpenedModel,
): Promise<OpenedModel | undefined> {
  const { model } = record.source;
  const own = converted.origin.kind === "folder" ? converted.origin.path : undefined;
  const beside =
    own === undefined ? [] : [resolve(dirname(own), model), resolve(dirname(own), basename(model))];
  for (const path of new Set([resolve(model), ...beside])) {
    const source = await openSource(path).catch(() => undefined);
    if (!source || (await overlap(source, converted))) continue;
    const original = open(source);
    if (source.files.has(CONFIG_FILE) && (await canBecome(original, record))) return original;
  }
  return undefined;
}

/** Whether a model has the result's model type, or one whose Longformer variant has it. */
async function canBecome(
  original: OpenedModel,
  { model_type: modelType, model_type_from: settledFrom }: ConversionRecord,
): Promise<boolean> {
  const own = statedModelType(await original.config());
  if (own === undefined) return settledFrom !== undefined;
  if (own === modelType || typeof own !== "string") return own === modelType;
  const architecture = await original.namedArchitecture().catch(() => undefined);
  return architecture !== undefined && longformerType(architecture) === modelType;
}
