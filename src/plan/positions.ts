import type { Architecture } from "../architectures/architecture.js";
import { OptionError } from "../base/errors.js";
import type { Rows, Run } from "../checkpoint/rows.js";
import type { Contents } from "../model/model.js";
import type { PositionTable } from "../model/positions.js";
import { DEFAULT_MAX_SEQUENCE_LENGTH, type Positions } from "../options/schemas.js";
import { findTemplate } from "../tokenizer/template.js";
import type { Segment, Term } from "./types.js";

/**
 * The length to convert to: by default the usual one, or twice what the source reads. A shorter one than the source's
 * cuts the table: the positions that are left stay as they are, and longer inputs cannot be read.
 */
export function targetLength(requested: number | undefined, maxLength: number): number {
  return requested ?? Math.max(DEFAULT_MAX_SEQUENCE_LENGTH, 2 * maxLength);
}

interface Placement {
  /** What becomes of positions behind the source's, as a sentence goes on. */
  readonly beyond: string;
  /** Whether the source's own positions keep their rows. */
  readonly keepsSource: boolean;
  /** Of an experiment, what was measured. */
  readonly measured?: Measured;
}

/** Without training, at 2048 tokens and, of all-mpnet-base-v2, at 1536; docs/convert.md says how. */
interface Measured {
  /** By how many nats a masked language model's loss rose above that with `tile`, and its standard error. */
  readonly loss: string;
  /** The mean cosine of tokens to those of overlapping windows of the source. */
  readonly miniLm: string;
  readonly mpnet: string;
}

/** Those with `tile`. */
const TILED = { miniLm: ".914", mpnet: ".950" };

/** What `--positions` names. */
export const PLACEMENTS: Readonly<Record<Positions, Placement>> = {
  tile: { beyond: "positions repeat", keepsSource: true },
  tile2: {
    beyond: "positions repeat without those of special tokens",
    keepsSource: true,
    measured: { loss: "0.01 ± 0.01", miniLm: ".910", mpnet: ".954" },
  },
  phase: {
    beyond: "positions go on in phase",
    keepsSource: true,
    measured: { loss: "2.50 ± 0.04", miniLm: ".836", mpnet: ".951" },
  },
  interpolate: {
    beyond: "positions are interpolated",
    keepsSource: false,
    measured: { loss: "5.17 ± 0.04", miniLm: ".766", mpnet: ".934" },
  },
};

/** A sentence about an experiment with positions. */
export function measuredSentence(asked: Positions = "tile"): string | undefined {
  const { measured } = PLACEMENTS[asked];
  if (!measured) return undefined;
  return (
    `--positions ${asked} is an experiment. Measured without training, at 1536 to 2048 tokens, beside tile: a masked ` +
    `language model's loss rises by ${measured.loss}; the cosine of tokens to those of overlapping windows goes from ` +
    `${TILED.miniLm} to ${measured.miniLm} (all-MiniLM-L6-v2), from ${TILED.mpnet} to ${measured.mpnet} (all-mpnet-base-v2).`
  );
}

/** Where rows come from, and which of the source's only special tokens ever had: the first `head` and the last `tail`. */
export interface Lengthening {
  readonly from: Positions;
  readonly head: number;
  readonly tail: number;
}

/**
 * How a table is made longer.
 * @param asked `--positions`
 * @throws OptionError where it would change nothing
 */
export function lengthening(
  asked: Positions | undefined,
  { maxLength, sinusoidal }: PositionTable,
  length: number,
  files: { readonly architecture: Architecture; readonly contents: Contents },
): Lengthening {
  const { architecture, contents } = files;
  const { head, tail } = findTemplate(contents, architecture.tokenizerClass);
  const from = asked ?? "tile";
  if (from === "tile") return { from, head, tail };
  const reasons: [boolean, string][] = [
    [sinusoidal, `${architecture.title} computes its positions, which go on`],
    [length <= maxLength, `the source has ${maxLength} positions, and the result no more`],
    [maxLength - head - tail < 2, `of ${maxLength} positions special tokens take ${head + tail}`],
  ];
  const reason = reasons.find(([applies]) => applies)?.[1];
  if (reason === undefined) return { from, head, tail };
  throw new OptionError(`--positions ${from} has nothing to do: ${reason}`, "Leave it out.");
}

/** What may be promised with rows so placed: as much as attention gives, or nothing. */
export function ofPlacement<A extends { readonly upTo: number; readonly cause: string }>(
  { from }: Lengthening,
  attention: A,
): { readonly upTo: number; readonly cause: string } {
  return PLACEMENTS[from].keepsSource ? attention : { upTo: 0, cause: `--positions ${from}` };
}

interface LongTable extends Lengthening {
  /** Sinusoids do not repeat: so many rows are the source's own, the others are computed. */
  readonly kept?: number;
  /** The rows before position 0; by default the source's. */
  readonly before?: Segment[] | undefined;
}

/** The table for `length` positions: the rows before position 0, then those that `PLACEMENTS` tells of, or a part of them. */
export function lengthenPositions(table: PositionTable, length: number, long: LongTable): Segment[] {
  const { offset, maxLength, tensor } = table;
  const { kept = maxLength, before = copyRows(table, { start: 0, count: offset, step: 1 }) } = long;
  if (table.sinusoidal || tensor === undefined) {
    const own = tensor === undefined ? 0 : Math.min(kept, length);
    const computed: Run = { start: own, count: length - own, step: 1 };
    const terms = [{ kind: "sinusoids", positions: [computed] }] as const;
    return [
      ...before,
      ...copyRows(table, { start: offset, count: own, step: 1 }),
      ...(computed.count > 0 ? [{ kind: "sum", count: computed.count, terms } as const] : []),
    ];
  }
  const source: Rows = { tensor, start: offset, count: maxLength, step: 1 };
  if (length > maxLength && !PLACEMENTS[long.from].keepsSource) {
    const terms = [{ kind: "interpolated rows", rows: source, total: length }] as const;
    return [...before, { kind: "sum", count: length, terms }];
  }
  const own = copyRows(table, { ...source, count: Math.min(maxLength, length) });
  return [...before, ...own, ...rowsBehind(source, length - maxLength, long)];
}

/** @param count how many; none where it is not positive */
function rowsBehind(source: Rows, count: number, { from, head, tail }: Lengthening): Segment[] {
  if (count <= 0) return [];
  const text: Rows = { ...source, start: source.start + head, count: source.count - head - tail };
  if (from === "phase") {
    const terms = [{ kind: "rows in phase", rows: text, skipped: tail, total: count }] as const;
    return [{ kind: "sum", count, terms }];
  }
  const repeated = from === "tile2" ? text : source;
  return Array.from({ length: Math.ceil(count / repeated.count) }, (_, i) => ({
    kind: "copy",
    rows: { ...repeated, count: Math.min(repeated.count, count - i * repeated.count) },
  }));
}

function copyRows({ tensor }: PositionTable, rows: Run): Segment[] {
  return tensor === undefined || rows.count === 0 ? [] : [{ kind: "copy", rows: { tensor, ...rows } }];
}

/** The rows of some positions, as a summand. */
export function positionTerm({ tensor, offset }: PositionTable, positions: readonly Run[]): Term {
  if (tensor === undefined) return { kind: "sinusoids", positions };
  return positions.map((run) => ({ tensor, ...run, start: run.start + offset }));
}
