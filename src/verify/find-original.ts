import { basename, dirname, resolve } from "node:path";
import type { FileSource } from "../checkpoint/file-source.js";
import { openFolder } from "../checkpoint/folder.js";
import { type OpenSourceOptions, openSource } from "../checkpoint/open-source.js";
import { LsgError } from "../errors.js";
import type { ConversionRecord } from "../plan/types.js";

/** The original, or why there is none. */
export type FoundOriginal = { readonly source: FileSource } | { readonly reason: string };

/**
 * Finds what a folder was converted from, by its record: a model on the Hub in the recorded revision, or a
 * folder, looked for from the current folder and beside the converted one.
 */
export async function findOriginal(
  converted: FileSource,
  { source: { model, revision } }: ConversionRecord,
  options: OpenSourceOptions,
): Promise<FoundOriginal> {
  if (revision !== undefined) {
    try {
      return { source: await openSource(`hf://${model}@${revision}`, options) };
    } catch (error) {
      if (!(error instanceof LsgError)) throw error;
      return { reason: `${model} cannot be had: ${error.message}` };
    }
  }
  const own = converted.origin.kind === "folder" ? converted.origin.path : undefined;
  const beside =
    own === undefined ? [] : [resolve(dirname(own), model), resolve(dirname(own), basename(model))];
  for (const path of new Set([resolve(model), ...beside])) {
    if (path === own) continue;
    const source = await openFolder(path).catch(() => undefined);
    if (source?.files.has("config.json")) return { source };
  }
  return { reason: `there is no folder ${model} here, nor beside the converted one` };
}
