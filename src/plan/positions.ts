import type { Architecture } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { DEFAULT_MAX_SEQUENCE_LENGTH } from "../options/schemas.js";
import type { Run, Segment, Term } from "./types.js";

/** A position table: offset rows, then one row for each position. */
export interface PositionTable {
  /** The tensor's name in the source; undefined where it has none, which only sinusoids may. */
  readonly tensor: string | undefined;
  readonly offset: number;
  /** Positions that can be used: rows without the offset. */
  readonly usable: number;
  /** Whether rows can be computed. */
  readonly sinusoidal: boolean;
}

/**
 * Rows before position 0.
 * @throws CheckpointError if the config lacks the padding id that the offset follows from.
 */
export function positionOffset(architecture: Architecture, config: Config): number {
  if (typeof architecture.positions.offset === "number") return architecture.positions.offset;
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
 * The length to convert to: by default the usual one, or twice what the source reads. One below what it reads cuts the
 * table: what is left of it is the source's own, and longer inputs are read no more.
 */
export function targetLength(requested: number | undefined, usable: number): number {
  return requested ?? Math.max(DEFAULT_MAX_SEQUENCE_LENGTH, 2 * usable);
}

/**
 * The table for `length` positions: the rows before position 0, then the positions over and over, the last time, or
 * the only one, cut. Sinusoids do not repeat: the first `kept` rows are the source's own, the others are computed.
 * @param before the source's own offset rows by default
 */
export function lengthenPositions(
  table: PositionTable,
  length: number,
  kept = table.usable,
  before = copyRows(table, { start: 0, count: table.offset, step: 1 }),
): Segment[] {
  const { tensor, offset, usable } = table;
  if (table.sinusoidal) {
    const own = tensor === undefined ? 0 : Math.min(kept, length);
    const computed: Run = { start: own, count: length - own, step: 1 };
    const terms = [{ kind: "sinusoids", positions: [computed] }] as const;
    return [
      ...before,
      ...copyRows(table, { start: offset, count: own, step: 1 }),
      ...(computed.count > 0 ? [{ kind: "sum", count: computed.count, terms } as const] : []),
    ];
  }
  const starts = Array.from({ length: Math.ceil(length / usable) }, (_, i) => i * usable);
  return [
    ...before,
    ...starts.flatMap((done) =>
      copyRows(table, { start: offset, count: Math.min(usable, length - done), step: 1 }),
    ),
  ];
}

function copyRows({ tensor }: PositionTable, rows: Run): Segment[] {
  return tensor === undefined || rows.count === 0 ? [] : [{ kind: "copy", rows: { tensor, ...rows } }];
}

/** The rows of some positions, as a summand. */
export function positionTerm({ tensor, offset }: PositionTable, positions: readonly Run[]): Term {
  if (tensor === undefined) return { kind: "sinusoids", positions };
  return positions.map((run) => ({ tensor, ...run, start: run.start + offset }));
}
