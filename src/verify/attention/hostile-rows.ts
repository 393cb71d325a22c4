import type { WindowsConfig } from "../../attention/windows.js";
import type { Batch } from "../../runtime/batch.js";
import type { InputSource } from "../../runtime/input-source.js";
import type { RowTokens } from "../definition/windows.js";

/** A row of a batch, with the column at which it begins. */
export interface PlacedRow {
  readonly start: number;
  readonly tokens: RowTokens & { readonly ids: readonly number[] };
}

/** A pair's shorter text has so many of a window's tokens: one in five is few enough to be repeated. */
const SHORTER = 1 / 5;

/**
 * Rows at which windows go wrong if they do, of a batch of so many columns: a text with tokens hidden in it, pairs whose
 * first text is the shorter one and the longer one, padding on the right, the left and both sides, and no token at all.
 * @param typed whether types say what is a pair; else separators do, where there are any
 */
export function hostileRows(
  source: InputSource["random"],
  config: WindowsConfig,
  { length, seed, typed }: { readonly length: number; readonly seed: number; readonly typed: boolean },
): PlacedRow[] {
  const make = (share: number, seeded: number) => source(Math.max(1, Math.ceil(share * length)), seeded);
  const single = (share: number, seeded: number) => tokensOf(make(share, seeded).ids, undefined, typed);
  const shorter = Math.max(1, Math.floor(SHORTER * config.window_size));
  const pair = (share: number, seeded: number, isLongFirst: boolean) => {
    const { ids } = make(share, seeded);
    return pairOf(ids, isLongFirst ? ids.length - shorter : shorter, config, typed);
  };
  const [whole, short] = [withHoles(single(1, seed), config), single(1 / 3, seed + 1)];
  const [shortFirst, longFirst] = [pair(0.8, seed + 2, false), pair(0.7, seed + 3, true)];
  return [
    { start: 0, tokens: whole },
    { start: 0, tokens: shortFirst },
    { start: length - longFirst.ids.length, tokens: longFirst },
    { start: Math.floor((length - short.ids.length) / 2), tokens: short },
    { start: 0, tokens: { ids: [], types: [], mask: [] } },
  ];
}

/** Rows as graphs take them; where none of its tokens stands a row has padding. */
export function placedBatch(rows: readonly PlacedRow[], length: number, padId: number): Batch {
  const fill = (values: (row: RowTokens) => readonly number[] | undefined, padding: number) => {
    const all = new Array<number>(rows.length * length).fill(padding);
    for (const [i, { start, tokens }] of rows.entries()) {
      for (const [j, value] of (values(tokens) ?? []).entries()) all[i * length + start + j] = value;
    }
    return { dims: [rows.length, length], values: all, dtype: "int64" } as const;
  };
  return {
    inputs: {
      input_ids: fill(({ ids }) => ids, padId),
      attention_mask: fill(({ mask }) => mask, 0),
      token_type_ids: fill(({ types }) => types, 0),
    },
    length,
    visible: rows.map(({ start, tokens }) => ({ start, end: start + tokens.mask.length })),
  };
}

function tokensOf(ids: readonly number[], second: number | undefined, typed: boolean): PlacedRow["tokens"] {
  const types = ids.map((_, i) => (second !== undefined && i >= second ? 1 : 0));
  return { ids, mask: ids.map(() => 1), ...(typed && { types }) };
}

/** With separators right before the second text. */
function pairOf(
  ids: readonly number[],
  second: number,
  { window_head: head, window_separator: separator }: WindowsConfig,
  typed: boolean,
): PlacedRow["tokens"] {
  const first = second - separator.length;
  const isPlaced = first >= head && second < ids.length;
  const separated = isPlaced ? ids.toSpliced(first, separator.length, ...separator) : ids;
  return tokensOf(separated, second, typed);
}

/** Hides a token behind the first one, and more than neighbouring windows share. */
function withHoles(
  row: PlacedRow["tokens"],
  { window_size, window_overlap }: WindowsConfig,
): PlacedRow["tokens"] {
  const { length } = row.ids;
  const middle = Math.floor(length / 2);
  const wide = Math.min(window_overlap + 2, Math.floor(window_size / 3));
  const isHidden = (i: number) => i > 0 && i < length - 2 && (i === 1 || (i >= middle && i < middle + wide));
  return { ...row, mask: row.ids.map((_, i) => (isHidden(i) ? 0 : 1)) };
}
