import { outgrowsTable } from "../attention/variants.js";
import { DEFAULT_WINDOW_OVERLAP, MIN_WINDOW_SIZE, type WindowsConfig } from "../attention/windows.js";
import { OptionError } from "../base/errors.js";
import { packageInfo } from "../base/package.js";
import type { Model } from "../model/model.js";
import type { OpenedModel } from "../model/open.js";
import { parseConvertOptions } from "../options/options.js";
import { recordedSource } from "../plan/conversion-record.js";
import { planModel } from "../plan/plan-source.js";

export interface InWindowsOptions {
  /** Tokens that windows share. */
  readonly windowOverlap?: number | undefined;
  /** Tokens of a window; by default as many as the table of positions reaches. */
  readonly maxLength?: number | undefined;
}

/**
 * A source as the folder of windows that `lsg convert --to windows` would make of it, nothing written; a folder that is one
 * already stays as it is.
 * @throws OptionError for a model that cannot be read in windows, or not in such short ones
 */
export async function inWindows(
  opened: OpenedModel,
  model: Model,
  { windowOverlap = DEFAULT_WINDOW_OVERLAP, maxLength }: InWindowsOptions,
): Promise<Model> {
  if (outgrowsTable(model.attention())) return model;
  const planned = await plannedWindows(opened, model);
  const { window_size: longest, window_head: head, window_tail: tail } = planned;
  const size = Math.min(maxLength ?? longest, longest);
  const least = Math.max(MIN_WINDOW_SIZE, 2 * (head + tail));
  if (size < least) {
    throw new OptionError(
      `--max-length ${size}: windows have ${least} tokens at least`,
      `Take ${least} or more.`,
    );
  }
  const config: WindowsConfig = { ...planned, window_size: size, window_overlap: windowOverlap };
  return { ...model, attention: () => ({ kind: "windows", config }) };
}

/** The keys that a conversion would give it. */
async function plannedWindows(opened: OpenedModel, { checkpoint }: Model): Promise<WindowsConfig> {
  const { source } = checkpoint;
  try {
    const { attention } = await planModel(opened, parseConvertOptions({ to: "windows" }), {
      lsg_version: packageInfo().version,
      source: recordedSource(source.name, source),
    });
    if (attention.kind !== "windows") throw new Error("a conversion to windows gives windows");
    return attention.config;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const reason = error.message.replace(/^--to windows: /, "");
    throw new OptionError(`${source.name} is not read in windows: ${reason}`, "Read it cut, or in chunks.");
  }
}
