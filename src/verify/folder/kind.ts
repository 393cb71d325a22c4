import { isLocalVariant, variantOf } from "../../attention/variants.js";
import { CheckpointError, nothingIfRefused } from "../../base/errors.js";
import { CONFIG_FILE } from "../../checkpoint/checkpoint.js";
import type { OpenedModel } from "../../model/open.js";
import { RECORD_FILE } from "../../plan/conversion-record.js";

/**
 * What there is to verify: a conversion with its record, however damaged; or a model of a variant without one, as
 * training leaves it, since nothing but lsg knows that file.
 */
export type FolderKind = "recorded" | "fine-tuned";

/** A folder that is neither: an ordinary model, or none. */
export class NotConvertedError extends CheckpointError {}

/**
 * Finds out which of the two a folder is.
 * @param name how the user calls it
 * @throws NotConvertedError if it is neither: one sentence in place of everything that an ordinary model lacks
 */
export async function kindOf(opened: OpenedModel, name: string): Promise<FolderKind> {
  const { source } = opened;
  if (source.files.has(RECORD_FILE)) return "recorded";
  if (source.files.size === 0) throw nothingConverted(`${name} is empty`);
  if (!source.files.has(CONFIG_FILE)) {
    throw nothingConverted(`${name} has neither ${RECORD_FILE} nor ${CONFIG_FILE}`);
  }
  // Undefined for a model type that lsg does not know, or that is not named.
  const architecture = await opened.namedArchitecture().catch(nothingIfRefused);
  if (isLocalVariant(variantOf(await opened.config(), architecture))) return "fine-tuned";
  if (!architecture) {
    throw nothingConverted(`${name} has no ${RECORD_FILE}, and its ${CONFIG_FILE} is that of no LSG model`);
  }
  throw new NotConvertedError(
    `${name} is an ordinary ${architecture.title}, which was not converted: there is nothing to verify.`,
    `Convert it first: lsg convert ${name}`,
  );
}

function nothingConverted(what: string): NotConvertedError {
  return new NotConvertedError(
    `${what}: there is nothing to verify.`,
    "Name a folder that lsg convert wrote: lsg convert MODEL FOLDER",
  );
}
