import type { Attention } from "../attention/variants.js";
import { attentionOf } from "../attention/variants.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { FileSource, TransferOptions } from "../checkpoint/file-source.js";
import { filesForSorting } from "../checkpoint/left-out.js";
import { SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import { limitsLength } from "../tokenizer/raise-length.js";
import { TOKENIZER_FILES } from "../tokenizer/special-tokens.js";
import { describeModel, type Model } from "./model.js";
import { architectureOf, openModel } from "./settle.js";

/** A checkpoint with the contents of its side files that decide something, by path. */
export interface ReadCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly contents: ReadonlyMap<string, Buffer>;
}

/**
 * Reads what a plan depends on. Small files are read once: a tokenizer.json can have some 40 MB.
 * @param modelType `--model-type`
 */
export async function readCheckpoint(
  source: FileSource,
  transfer: TransferOptions = {},
  modelType?: string,
): Promise<ReadCheckpoint> {
  const checkpoint = await openModel(source, transfer, modelType);
  const contents = new Map<string, Buffer>();
  for (const path of filesForPlan(source.files)) contents.set(path, await source.read(path));
  return { checkpoint, contents };
}

/** Reads files of the source, those that were read already from memory. */
export function readerOf({ checkpoint, contents }: ReadCheckpoint): ReadSource {
  return async (path) => contents.get(path) ?? checkpoint.source.read(path);
}

/** Gives a file of the source as a whole. */
export type ReadSource = (path: string) => Promise<Buffer>;

/** Files whose contents decide something besides a length. */
const READ_FILES: ReadonlySet<string> = new Set([
  ...TOKENIZER_FILES,
  MODULES_FILE,
  SETTINGS_FILE,
  "README.md",
]);

/** The side files of which a plan needs the content, not only the name. */
function filesForPlan(files: FileSource["files"]): string[] {
  const paths = [...files.keys()].filter((path) => limitsLength(path) || READ_FILES.has(path));
  return [...new Set([...paths, ...filesForSorting(files)])];
}

/** A checkpoint, read and understood. */
export interface ReadModel {
  readonly read: ReadCheckpoint;
  readonly model: Model;
  readonly attention: Attention;
}

/**
 * Sees a checkpoint as a model.
 * @param kwargs config keys to set first, as `--model-kwargs` did
 * @throws CheckpointError or OptionError if config and tensors do not make a model.
 */
export async function asModel(
  read: ReadCheckpoint,
  kwargs: Readonly<Record<string, unknown>> = {},
): Promise<ReadModel> {
  const architecture = await architectureOf(read.checkpoint);
  const model = describeModel(read.checkpoint, architecture, { kwargs });
  return { read, model, attention: attentionOf(model) };
}
