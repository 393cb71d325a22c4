import { GLOBAL_TABLE_ROWS } from "../attention/lsg-config.js";
import { OptionError } from "../base/errors.js";
import { type Rows, type Run, sliceRows } from "../checkpoint/rows.js";
import type { PositionTable } from "../model/positions.js";
import { DEFAULT_STRIDE } from "../options/schemas.js";
import { positionTerm } from "./positions.js";
import type { Segment, Term } from "./types.js";

/** Which words and positions the table of global tokens starts from. */
export interface GlobalStart {
  /** Distance between the positions of neighbours. */
  readonly stride: number;
  readonly bosId: number;
  /** Undefined to draw rows 1 and up like word embeddings. */
  readonly maskId: number | undefined;
}

/** What the table of global tokens is made from; tensors by their names in the source. */
export interface GlobalTableSources extends GlobalStart {
  readonly positions: PositionTable;
  readonly wordEmbeddings: string;
  readonly seed: number;
  /** Tables of types whose row 0 is added to every row. */
  readonly types: readonly string[];
  /** An earlier table whose row 0 stays. */
  readonly keepFirstOf: string | undefined;
}

/**
 * The table of global tokens: a position, plus the word embedding of bos (row 0) or mask, plus type 0.
 * Summands come in the reference's order, so that float32 sums round as there.
 * Source: `update_global` and `update_global_randomly` of the reference's conversion scripts.
 */
export function globalTable(sources: GlobalTableSources): Segment[] {
  const order = strideOrder(sources.positions.maxLength, sources.stride);
  const positions = (from: number, count: number) =>
    positionTerm(sources.positions, sliceRows(order, from, count));
  const { wordEmbeddings: word, bosId, maskId, seed } = sources;
  const row = (tensor: string, index: number, count: number): Rows => ({
    tensor,
    start: index,
    count,
    step: 0,
  });
  const types = (count: number): Term[] => sources.types.map((table) => [row(table, 0, count)]);

  const first: Segment = {
    kind: "sum",
    count: 1,
    // When drawing, the reference adds the token type to the word and to the position.
    terms: [positions(0, 1), [row(word, bosId, 1)], ...types(1), ...(maskId === undefined ? types(1) : [])],
  };
  const rest = GLOBAL_TABLE_ROWS - 1;
  const words: Term =
    maskId !== undefined ? [row(word, maskId, rest)] : { kind: "normal of rows", tensor: word, seed };
  const others: Segment = {
    kind: "sum",
    count: rest,
    terms: [positions(1, rest), words, ...types(rest)],
  };
  const kept = sources.keepFirstOf;
  return [kept === undefined ? first : { kind: "copy", rows: row(kept, 0, 1) }, others];
}

/**
 * 512 positions, spread evenly over the table and reordered so that neighbours in the result lie `stride`
 * positions apart. A table shorter than 512 is repeated; one that is not a multiple of 512 is cut to one.
 * Source: `order_positions` of the reference, which fills short tables with random rows instead.
 * @throws OptionError if the stride does not divide 512 positions evenly.
 */
function strideOrder(maxLength: number, stride: number): Run[] {
  const spacing = spacingOf(maxLength);
  const groups = groupsOf(maxLength, stride);
  if (GLOBAL_TABLE_ROWS % groups !== 0) {
    throw new OptionError(
      `--global-positional-stride ${stride}${stride === DEFAULT_STRIDE ? ", the default," : ""} does not fit ${maxLength} positions: ` +
        `${stride} / ${spacing} must be a divisor of ${GLOBAL_TABLE_ROWS}`,
      `Use --global-positional-stride ${fittingStride(maxLength, stride)}; ${spacing} times any power of two fits, up to ${spacing * GLOBAL_TABLE_ROWS}.`,
    );
  }
  const perGroup = GLOBAL_TABLE_ROWS / groups;
  if (maxLength >= GLOBAL_TABLE_ROWS) {
    return Array.from({ length: groups }, (_, group) => {
      return { start: group * spacing, count: perGroup, step: groups * spacing };
    });
  }
  return Array.from({ length: GLOBAL_TABLE_ROWS }, (_, i) => {
    const position = (i % perGroup) * groups + Math.floor(i / perGroup);
    return { start: position % maxLength, count: 1, step: 1 };
  });
}

/** The stride itself where 512 positions can be ordered by it, else the next smaller one that fits, or the least. */
export function fittingStride(maxLength: number, stride: number): number {
  const groups = groupsOf(maxLength, stride);
  if (GLOBAL_TABLE_ROWS % groups === 0) return stride;
  const fitting = Math.min(GLOBAL_TABLE_ROWS, 2 ** Math.floor(Math.log2(Math.max(1, groups))));
  return fitting * spacingOf(maxLength);
}

/** Positions from one of the 512 to the next. */
function spacingOf(maxLength: number): number {
  return Math.max(1, Math.floor(maxLength / GLOBAL_TABLE_ROWS));
}

/** Into how many groups a stride orders the 512 positions. */
function groupsOf(maxLength: number, stride: number): number {
  return Math.floor(stride / spacingOf(maxLength));
}
