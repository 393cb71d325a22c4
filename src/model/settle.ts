import type { Architecture, Head } from "../architectures/architecture.js";
import { findArchitecture } from "../architectures/architectures.js";
import { LsgError } from "../base/errors.js";
import {
  type Checkpoint,
  CONFIG_FILE,
  type ModelTypeOrigin,
  type Settled,
} from "../checkpoint/checkpoint.js";
import { statedModelType } from "../checkpoint/stated-model-type.js";
import { sourceClass } from "./classes.js";
import { labelsByWeights } from "./label-count.js";
import { fittingModelTypes, openModelType, refuseContradiction } from "./model-type.js";
import { everyHead } from "./pruned-heads.js";
import { readSizes } from "./tensor-specs.js";

/**
 * Settles from the weights what a config.json leaves open or says otherwise: which type the model is, how many labels
 * it has, which heads were pruned.
 * @param asked `--model-type`
 * @throws CheckpointError where weights and config contradict each other, OptionError where config.json contradicts `asked`
 */
export async function settle(checkpoint: Checkpoint, asked?: string): Promise<Checkpoint> {
  if (asked !== undefined) refuseContradiction(checkpoint.config, asked);
  const typed = await withModelType(checkpoint, asked);
  const architecture = await findArchitecture(typed.config.model_type).catch(() => undefined);
  if (!architecture) return typed;
  const whole = withSettled(typed, everyHead(typed, architecture));
  const head = headOf(whole, architecture);
  return withSettled(whole, head && labelsByWeights(whole, head));
}

async function withModelType(checkpoint: Checkpoint, asked: string | undefined): Promise<Checkpoint> {
  if (statedModelType(checkpoint.config) !== undefined) return checkpoint;
  const type = asked ?? (await onlyFit(checkpoint));
  const { modelType } = await findArchitecture(type);
  const note =
    asked === undefined
      ? `${CONFIG_FILE} has no model_type: the tensors are a ${modelType}'s, which is written into it.`
      : `${CONFIG_FILE} has no model_type: ${modelType} is written into it, as --model-type says.`;
  const changes = new Map([["model_type", modelType]]);
  return withSettled(checkpoint, { changes, note }, asked === undefined ? "tensors" : "option");
}

async function onlyFit(checkpoint: Checkpoint): Promise<string> {
  const fitting = await fittingModelTypes(checkpoint);
  const [only, other] = fitting;
  if (only === undefined || other !== undefined) throw openModelType(fitting);
  return only;
}

/** The head of the class that the weights belong to, if their config is one that can be read. */
function headOf(checkpoint: Checkpoint, architecture: Architecture): Head | undefined {
  try {
    return sourceClass(checkpoint, architecture, readSizes(architecture, checkpoint.config)).head;
  } catch (error) {
    // Later steps report the error, once the keys that the user sets are applied.
    if (error instanceof LsgError) return undefined;
    throw error;
  }
}

/** A checkpoint with keys of its config set, or removed. */
function withSettled(
  checkpoint: Checkpoint,
  settled: Settled | undefined,
  modelTypeFrom?: ModelTypeOrigin,
): Checkpoint {
  if (!settled) return checkpoint;
  const { changes, note, tensors = checkpoint.tensors } = settled;
  const config = Object.entries({ ...checkpoint.config, ...Object.fromEntries(changes) }).filter(
    ([, value]) => value !== undefined,
  );
  const before = checkpoint.settlement;
  return {
    ...checkpoint,
    config: Object.fromEntries(config),
    tensors,
    settlement: {
      ...before,
      changes: new Map([...(before?.changes ?? []), ...changes]),
      notes: [...(before?.notes ?? []), note],
      ...(modelTypeFrom && { modelTypeFrom }),
    },
  };
}
