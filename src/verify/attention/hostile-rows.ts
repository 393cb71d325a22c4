import type { WindowsConfig } from "../../attention/windows.js";
import type { Batch } from "../../runtime/batch.js";
import type { InputSource } from "../../runtime/input-source.js";
import type { RowTokens } from "../definition/windows.js";

/** A row of a batch, with the column at which it begins. */
export interface PlacedRow {
  readonly start: number;
  readonly tokens: RowTokens & { readonly ids: readonly number[] };
}

/**
 * How many tokens of a window a pair's shorter text takes with what stands around it: few, half of it and one more, which is
 * too many to be repeated, and as many as there are without a text.
 */
const SHORTER: readonly ((config: WindowsConfig) => number)[] = [
  ({ window_size: size }) => Math.max(2, Math.floor(size / 4)),
  ({ window_size: size }) => Math.floor(size / 2),
  ({ window_size: size }) => Math.floor(size / 2) + 1,
  ({ window_head: head, window_tail: tail, window_separator: separator }) => head + separator.length + tail,
];

interface Shape {
  /** Columns of the batch. */
  readonly length: number;
  readonly seed: number;
  /** Any number: with each the shorter texts of pairs are others. */
  readonly index: number;
  /** Whether types say what is a pair; else separators do, where there are any. */
  readonly typed: boolean;
}

/**
 * Rows at which windows go wrong if they do: a text with tokens hidden in it, pairs whose first text is the shorter one and
 * the longer one, padding on the right, the left and both sides, and no token at all.
 */
export function hostileRows(
  source: InputSource["random"],
  config: WindowsConfig,
  { length, seed, index, typed }: Shape,
): PlacedRow[] {
  const make = (share: number, seeded: number) => source(Math.max(1, Math.ceil(share * length)), seeded).ids;
  const single = (share: number, seeded: number) => tokensOf(make(share, seeded), undefined, typed);
  const { window_head: head, window_tail: tail, window_separator: separator } = config;
  const shorter = (i: number) => SHORTER[i % SHORTER.length]?.(config) ?? 0;
  const pair = (ids: readonly number[], second: number) => pairOf(ids, second, config, typed);
  const [first, last] = [make(0.8, seed + 2), make(0.7, seed + 3)];
  const [whole, short] = [withHoles(single(1, seed), config), single(1 / 3, seed + 1)];
  const shortFirst = pair(first, shorter(index) - tail);
  const longFirst = pair(last, last.length - (shorter(index + 1) - head - separator.length));
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

/** With separators right before the second text, where there is room for both texts. */
function pairOf(
  ids: readonly number[],
  second: number,
  { window_head: head, window_separator: separator }: WindowsConfig,
  typed: boolean,
): PlacedRow["tokens"] {
  const first = second - separator.length;
  if (first < head || second >= ids.length) return tokensOf(ids, undefined, typed);
  return tokensOf(ids.toSpliced(first, separator.length, ...separator), second, typed);
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
