import { findArchitecture } from "../architectures.js";
import type { FileSource, TransferOptions } from "../checkpoint/file-source.js";
import { describeModel, type Model } from "../plan/model.js";
import { type ReadCheckpoint, readCheckpoint } from "../plan-source.js";
import { readLsgConfig } from "../variants/lsg.js";
import type { LsgConfig } from "../variants/lsg-config.js";

/** A checkpoint, read and understood. */
export interface ReadModel {
  readonly read: ReadCheckpoint;
  readonly model: Model;
  /** Undefined for a model with full attention. */
  readonly lsg: LsgConfig | undefined;
}

/** @throws CheckpointError or OptionError if config and tensors do not make a model. */
export async function readModel(source: FileSource, transfer: TransferOptions = {}): Promise<ReadModel> {
  const read = await readCheckpoint(source, transfer);
  const architecture = await findArchitecture(read.checkpoint.config.model_type);
  const model = describeModel(read.checkpoint, architecture);
  return { read, model, lsg: model.isLsg ? readLsgConfig(model.config) : undefined };
}
