import type { Architecture } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { SourceTensor, SourceTensors } from "./names.js";
import type { Sizes } from "./tensor-specs.js";

/** A position table: offset rows, then one row for each position. */
export interface PositionTable {
  /** The tensor's name in the source; undefined where it has none, which only sinusoids may. */
  readonly tensor: string | undefined;
  readonly offset: number;
  /** Tokens of the longest input: rows without the offset. */
  readonly maxLength: number;
  /** Whether rows can be computed. */
  readonly sinusoidal: boolean;
}

/**
 * Rows before position 0.
 * @throws CheckpointError if the config lacks the padding id that the offset follows from.
 */
export function positionOffset(architecture: Architecture, config: Config): number {
  const { positions } = architecture;
  if (positions.kind === "sinusoidal") return 0;
  if (positions.kind === "table") return positions.rowsBefore;
  if (positions.padding !== "pad_token_id") return positions.padding + 1;
  // transformers' default for this family; a config that says null has none.
  const pad = config.pad_token_id === undefined ? 1 : config.pad_token_id;
  if (typeof pad !== "number" || !Number.isSafeInteger(pad) || pad < 0) {
    throw new CheckpointError(
      `config.json: pad_token_id is ${JSON.stringify(pad)}; ${architecture.title} numbers its positions from it`,
      "Set pad_token_id in config.json to the tokenizer's padding id.",
    );
  }
  return pad + 1;
}

/** What `max_position_embeddings` says of a table with so many positions. @param offset rows before the first of them */
export function statedPositions({ positions }: Architecture, length: number, offset: number): number {
  return length + (positions.kind === "table behind padding" ? offset : 0);
}

/** What positions are read from. */
interface Positioned {
  readonly architecture: Architecture;
  readonly config: Config;
  readonly sizes: Sizes;
  readonly tensors: SourceTensors;
}

/**
 * A table of positions of a model: the encoder's, or that of another module.
 * @throws CheckpointError if the table has no position besides the offset rows.
 */
export function positionTable(
  { tensors, architecture, config, sizes }: Positioned,
  module = architecture.encoder.embeddings.position,
): PositionTable {
  const sinusoidal = architecture.positions.kind === "sinusoidal";
  const offset = positionOffset(architecture, config);
  const found = sinusoidal ? findBase(tensors, module) : baseTensor(tensors, module);
  if (!found) return { tensor: undefined, offset, maxLength: sizes.positions, sinusoidal };
  const { sourceName, stored } = found;
  const maxLength = (stored.shape[0] ?? 0) - offset;
  if (maxLength < 1) {
    throw new CheckpointError(
      `${stored.file}: tensor "${sourceName}" has ${stored.shape[0]} rows, ${offset} of which are no positions`,
      "Check pad_token_id in config.json: positions begin one row behind it.",
    );
  }
  return { tensor: sourceName, offset, maxLength, sinusoidal };
}

/** A tensor of the base model by its module. */
export function findBase(tensors: SourceTensors, module: string): SourceTensor | undefined {
  for (const tensor of tensors.values()) if (tensor.baseName === `${module}.weight`) return tensor;
  return undefined;
}

/** @throws CheckpointError if it is missing */
export function baseTensor(tensors: SourceTensors, module: string): SourceTensor {
  const found = findBase(tensors, module);
  if (found) return found;
  throw new CheckpointError(`tensor "${module}.weight" is missing`, "The checkpoint is incomplete.");
}
