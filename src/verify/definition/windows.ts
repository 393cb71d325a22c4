import type { Merge, WindowsConfig } from "../../attention/windows.js";
import { range } from "../../base/range.js";

/** Tokens of a row, from its first to its last visible one: other padding does not exist. */
export interface RowTokens {
  /** Undefined where a model is given embeddings in their place. */
  readonly ids?: readonly number[] | undefined;
  /** Undefined where they are no input of the model. */
  readonly types?: readonly number[] | undefined;
  /** 0 for a token that is hidden between others. */
  readonly mask: readonly number[];
}

/** What every window of a row repeats: so many of its first and of its last tokens. */
export interface FixedTokens {
  readonly head: number;
  readonly tail: number;
}

/** Where a token stands: in a window, counted from the row's first one, at a place of it. */
export interface Place {
  readonly window: number;
  readonly place: number;
}

/** How a row is read in windows. */
export interface RowPlan {
  readonly fixed: FixedTokens;
  /** For each window the row's tokens in it. */
  readonly windows: readonly (readonly number[])[];
  /** For each of the row's tokens the place from which it is read. */
  readonly owners: readonly Place[];
}

/** The columns of a row `[start, end)`; undefined for one without a token. */
export function spanByDefinition(
  mask: readonly number[],
): { readonly start: number; readonly end: number } | undefined {
  const start = mask.findIndex((seen) => seen !== 0);
  return start < 0 ? undefined : { start, end: mask.findLastIndex((seen) => seen !== 0) + 1 };
}

/** A row of a batch that has more columns than a window. */
export function planByDefinition(row: RowTokens, config: WindowsConfig): RowPlan {
  const fixed = fixedByDefinition(row, config);
  return { fixed, ...cutByDefinition(row.mask.length, fixed, config) };
}

/** Of a pair the shorter text is fixed too, if that leaves half of a window. */
export function fixedByDefinition(row: RowTokens, config: WindowsConfig): FixedTokens {
  const { window_size: size, window_head: head, window_tail: tail, window_separator: separator } = config;
  const length = row.mask.length;
  const second = secondText(row, config);
  if (second === undefined) return { head, tail };
  const rest = length - second;
  const pair = second <= rest ? { head: second, tail } : { head, tail: rest + separator.length };
  return pair.head + pair.tail <= Math.floor(size / 2) ? pair : { head, tail };
}

/**
 * Where a pair's second text begins: at the first token of another type than the row's first, or, in models without types,
 * behind the first run of separators that follows the head. Undefined for a single text.
 */
function secondText(
  { ids, types, mask: { length } }: RowTokens,
  { window_head: head, window_tail: tail, window_separator: separator }: WindowsConfig,
): number | undefined {
  const begins = (token: number): boolean => {
    if (types) return types[token] !== types[0];
    if (!ids || separator.length === 0 || token < head + separator.length) return false;
    return separator.every((id, i) => ids[token - separator.length + i] === id);
  };
  for (let token = 1; token < length - tail; token++) if (begins(token)) return token;
  return undefined;
}

/**
 * The windows of a row of so many tokens. A token is read from the window in whose content it stands nearest to the middle,
 * where windows would begin unrounded; of two as near, from the later one.
 */
export function cutByDefinition(
  length: number,
  { head, tail }: FixedTokens,
  { window_size: size, window_overlap: overlap }: Pick<WindowsConfig, "window_size" | "window_overlap">,
): Pick<RowPlan, "windows" | "owners"> {
  if (length <= size) {
    const tokens = range(0, length);
    return { windows: [tokens], owners: tokens.map((place) => ({ window: 0, place })) };
  }
  const room = size - head - tail;
  const shared = Math.min(overlap, Math.floor(room / 2));
  const beyond = length - size;
  const gaps = Math.ceil(beyond / (room - shared));
  const starts = range(0, gaps + 1).map((i) => Math.floor((2 * i * beyond + gaps) / (2 * gaps)));
  const windows = starts.map((start) => [
    ...range(0, head),
    ...range(start + head, start + size - tail),
    ...range(length - tail, length),
  ]);
  /** From the middle of a window's content, times 2 · gaps. */
  const distance = (window: number, token: number) =>
    Math.abs(2 * window * beyond + gaps * (2 * head + room - 1 - 2 * token));
  const owner = (token: number): number => {
    if (token < head) return 0;
    if (token >= length - tail) return gaps;
    return range(0, gaps + 1).reduce((best, i) => (distance(i, token) <= distance(best, token) ? i : best));
  };
  const placeIn = (window: number, token: number): number => {
    if (token < head) return token;
    return token >= length - tail ? size - (length - token) : token - (starts[window] ?? 0);
  };
  const owners = range(0, length).map((token) => {
    const window = owner(token);
    return { window, place: placeIn(window, token) };
  });
  return { windows, owners };
}

/**
 * How much each place of each window weighs to a row's reader: tokens 1 in all, but for the first one, which it stands for,
 * and hidden ones, which weigh nothing.
 */
export function readerWeights({ fixed, windows, owners }: RowPlan, { mask }: RowTokens): number[][] {
  const isFixed = (token: number) => token < fixed.head || token >= mask.length - fixed.tail;
  return windows.map((tokens, window) =>
    tokens.map((token, place) => {
      if (place === 0 || mask[token] === 0) return 0;
      if (isFixed(token)) return 1 / windows.length;
      return owners[token]?.window === window ? 1 : 0;
    }),
  );
}

/** What the scores of the reader of a long row are multiplied by, biases apart. */
export function readerScale(
  length: number,
  { window_size: size }: Pick<WindowsConfig, "window_size">,
): number {
  return Math.log(length) / Math.log(size);
}

/** What becomes of numbers that each window of a row has: the least of them stands for answers. */
export const MERGED: Readonly<
  Record<Exclude<Merge, "reader"> | "least", (values: readonly number[]) => number>
> = {
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  max: (values) => values.reduce((a, b) => Math.max(a, b)),
  logsumexp: (values) => {
    const largest = values.reduce((a, b) => Math.max(a, b));
    const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
    return largest + Math.log(sum / values.length);
  },
  least: (values) => values.reduce((a, b) => Math.min(a, b)),
};
