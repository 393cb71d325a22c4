import type { Architecture } from "../architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { CheckpointError, OptionError } from "../errors.js";
import { DEFAULT_MAX_SEQUENCE_LENGTH } from "../options.js";
import type { Rows, Segment } from "./types.js";

/** A position table: offset rows, then one row for each position. */
export interface PositionTable {
  /** The tensor's name in the source. */
  readonly tensor: string;
  readonly offset: number;
  /** Positions that can be used: rows without the offset. */
  readonly usable: number;
}

/**
 * Rows before position 0.
 * @throws CheckpointError if the config lacks the padding id that the offset follows from.
 */
export function positionOffset(architecture: Architecture, config: Config): number {
  if (architecture.positions.offset === 0) return 0;
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

/**
 * The length to convert to.
 * @throws OptionError if it is below what the source reads already.
 */
export function targetLength(requested: number | undefined, usable: number): number {
  const length = requested ?? Math.max(DEFAULT_MAX_SEQUENCE_LENGTH, 2 * usable);
  if (length < usable) {
    throw new OptionError(
      `--max-sequence-length ${length} is below the ${usable} tokens that the source reads`,
      `Ask for ${usable} or more.`,
    );
  }
  return length;
}

/** The table for `length` positions: the offset rows, then the positions over and over, the last time cut. */
export function tilePositions({ tensor, offset, usable }: PositionTable, length: number): Segment[] {
  const rows: Rows[] = offset > 0 ? [{ tensor, start: 0, count: offset, step: 1 }] : [];
  for (let done = 0; done < length; done += usable) {
    rows.push({ tensor, start: offset, count: Math.min(usable, length - done), step: 1 });
  }
  return rows.map((run) => ({ kind: "copy", rows: run }));
}
