import type { Architecture, Head } from "../architectures/architecture.js";
import { findArchitecture } from "../architectures/architectures.js";
import { CheckpointError, LsgError } from "../base/errors.js";
import { type Checkpoint, CONFIG_FILE, openCheckpoint, type Settlement } from "../checkpoint/checkpoint.js";
import type { FileSource, TransferOptions } from "../checkpoint/file-source.js";
import { sourceClass } from "./classes.js";
import { headTensors } from "./known-names.js";
import { labelsByWeights } from "./label-count.js";
import { fittingModelTypes, openModelType, refuseContradiction, statedModelType } from "./model-type.js";
import { modernName } from "./names.js";
import { withEveryHead } from "./pruned-heads.js";
import { changed } from "./settlement.js";
import { readSizes } from "./tensor-specs.js";

/**
 * Opens a model, and settles from its weights what its config.json leaves open or says otherwise: which type it is,
 * how many labels it has, which heads were pruned. What cannot be settled is kept for `architectureOf`, so that
 * whoever only looks at files can go on.
 * @param modelType `--model-type`
 * @throws CheckpointError as `openCheckpoint`, OptionError for a model type that config.json contradicts
 */
export async function openModel(
  source: FileSource,
  transfer: TransferOptions = {},
  modelType?: string,
): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(source, transfer);
  if (modelType !== undefined) refuseContradiction(checkpoint.config, modelType);
  try {
    return await settle(checkpoint, modelType);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return { ...checkpoint, settlement: { changes: new Map(), notes: [], refusal: error } };
  }
}

/**
 * The architecture of a checkpoint that `openModel` opened.
 * @throws CheckpointError for one that cannot be converted, or whose config and weights could not be settled
 */
export async function architectureOf({ config, settlement }: Checkpoint): Promise<Architecture> {
  if (settlement?.refusal) throw settlement.refusal;
  return findArchitecture(config.model_type);
}

async function settle(checkpoint: Checkpoint, asked: string | undefined): Promise<Checkpoint> {
  const typed = await withModelType(checkpoint, asked);
  const architecture = await findArchitecture(typed.config.model_type).catch(() => undefined);
  if (!architecture) return typed;
  const whole = withEveryHead(typed, architecture);
  const head = headOf(whole, architecture);
  const labels = head && labelsByWeights(whole, head);
  return labels ? changed(whole, labels.changes, labels.note) : whole;
}

async function withModelType(checkpoint: Checkpoint, asked: string | undefined): Promise<Checkpoint> {
  if (statedModelType(checkpoint.config) !== undefined) return checkpoint;
  const type = asked ?? (await onlyFit(checkpoint));
  const { modelType } = await findArchitecture(type);
  const note =
    asked === undefined
      ? `${CONFIG_FILE} has no model_type: the tensors are a ${modelType}'s, which is written into it.`
      : `${CONFIG_FILE} has no model_type: ${modelType} is written into it, as --model-type says.`;
  const settled = changed(checkpoint, new Map([["model_type", modelType]]), note);
  return {
    ...settled,
    settlement: {
      ...(settled.settlement as Settlement),
      modelTypeFrom: asked === undefined ? "tensors" : "option",
    },
  };
}

async function onlyFit(checkpoint: Checkpoint): Promise<string> {
  const fitting = await fittingModelTypes(checkpoint);
  const [only, other] = fitting;
  if (only === undefined || other !== undefined) throw openModelType(fitting);
  return only;
}

/** The head of the class that the weights belong to, if their config is one that can be read. */
function headOf({ config, tensors }: Checkpoint, architecture: Architecture): Head | undefined {
  try {
    const sizes = readSizes(architecture, config);
    const names = new Set([...tensors.keys()].map(modernName));
    const tied = config.tie_word_embeddings !== false;
    return sourceClass(architecture, config, headTensors(names, architecture, sizes, tied)).head;
  } catch (error) {
    // What is wrong with it is said by whoever goes on, with the keys that the user sets on top.
    if (error instanceof LsgError) return undefined;
    throw error;
  }
}
