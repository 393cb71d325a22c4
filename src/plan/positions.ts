import type { Run } from "../checkpoint/rows.js";
import type { PositionTable } from "../model/positions.js";
import { DEFAULT_MAX_SEQUENCE_LENGTH } from "../options/schemas.js";
import type { Segment, Term } from "./types.js";

/**
 * The length to convert to: by default the usual one, or twice what the source reads. A shorter one than the source's
 * cuts the table: the positions that are left stay as they are, and longer inputs cannot be read.
 */
export function targetLength(requested: number | undefined, maxLength: number): number {
  return requested ?? Math.max(DEFAULT_MAX_SEQUENCE_LENGTH, 2 * maxLength);
}

/**
 * The table for `length` positions: the rows before position 0, then the positions over and over, the last time, or
 * the only one, cut. Sinusoids do not repeat: the first `kept` rows are the source's own, the others are computed.
 * @param before the source's own offset rows by default
 */
export function lengthenPositions(
  table: PositionTable,
  length: number,
  kept = table.maxLength,
  before = copyRows(table, { start: 0, count: table.offset, step: 1 }),
): Segment[] {
  const { tensor, offset, maxLength } = table;
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
  const starts = Array.from({ length: Math.ceil(length / maxLength) }, (_, i) => i * maxLength);
  return [
    ...before,
    ...starts.flatMap((done) =>
      copyRows(table, { start: offset, count: Math.min(maxLength, length - done), step: 1 }),
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
