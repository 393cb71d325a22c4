import type { ReadCheckpoint } from "../plan/plan-source.js";
import type { PlannedAttention } from "../plan/weights.js";
import { attentionOf } from "./attention.js";
import { describeModel, type Model } from "./model.js";
import { architectureOf } from "./settle.js";

/** A checkpoint, read and understood. */
export interface ReadModel {
  readonly read: ReadCheckpoint;
  readonly model: Model;
  /** Undefined for a model with full attention. */
  readonly attention: PlannedAttention | undefined;
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
