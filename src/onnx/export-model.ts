import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { TransferOptions } from "../checkpoint/file-source.js";
import { headlessNotes } from "../model/classes.js";
import { describeModel, type Model } from "../model/model.js";
import { withModules } from "../model/modules.js";
import { architectureOf } from "../model/settle.js";

/** A model with everything that a graph may hold. */
export interface ExportModel {
  /** With the tensors of modules behind the transformer. */
  readonly checkpoint: Checkpoint;
  readonly model: Model;
  /** Why modules that are there have no place in a graph. */
  readonly leftOut?: string;
}

/**
 * Sees a checkpoint as a model to be exported, with the modules that follow it in a sentence-transformers folder.
 * @throws CheckpointError or OptionError if its files do not fit together.
 */
export async function describeForExport(
  checkpoint: Checkpoint,
  transfer: TransferOptions = {},
): Promise<ExportModel> {
  const architecture = await architectureOf(checkpoint);
  const { hidden } = describeModel(checkpoint, architecture).sizes;
  const { checkpoint: whole, modules, reason } = await withModules(checkpoint, hidden, transfer);
  const model = { ...describeModel(whole, architecture), modules };
  return { checkpoint: whole, model, ...(reason !== undefined && { leftOut: reason }) };
}

/** What the user should know of an export, a sentence each. @param task the one that was asked for */
export function exportNotes(
  { model: { modules, source }, leftOut }: ExportModel,
  task: string | undefined,
): string[] {
  const headless = headlessNotes(source, "exported");
  if (task !== undefined) return headless;
  if (modules) {
    const { name, width, perToken } = modules.output;
    return [
      ...headless,
      `The graph gives ${name}: ${width} numbers for each ${perToken ? "token" : "text"}.`,
    ];
  }
  return leftOut === undefined
    ? headless
    : [...headless, `The graph gives no sentence_embedding: ${leftOut}.`];
}
