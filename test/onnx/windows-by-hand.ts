import type { WindowsConfig } from "../../src/attention/windows.js";

/** A row of a batch: ids and types where a token can stand, and which of them are seen. */
export interface Row {
  readonly ids: readonly number[];
  readonly types: readonly number[];
  readonly mask: readonly number[];
}

/** Windows of one row, by definition: columns of each, and for each token the window and place it is read from. */
export interface PlainWindows {
  readonly first: number;
  readonly count: number;
  readonly head: number;
  readonly tail: number;
  readonly windows: readonly (readonly number[])[];
  readonly owners: readonly (readonly [window: number, place: number])[];
}

/** @param hasTypes whether types say where the second text of a pair begins */
export function plainWindows(row: Row, config: WindowsConfig, hasTypes: boolean): PlainWindows {
  const { window_size: size } = config;
  const seen = row.mask.flatMap((shown, column) => (shown === 0 ? [] : [column]));
  const isWhole = row.mask.length <= size;
  const first = isWhole ? 0 : (seen[0] ?? row.mask.length - 1);
  const count = isWhole ? row.mask.length : Math.max(1, (seen.at(-1) ?? 0) - first + 1);
  const part = (values: readonly number[]) => values.slice(first, first + count);
  const { head, tail } = fixedOf(part(row.ids), hasTypes ? part(row.types) : undefined, config);
  const columns = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => first + from + i);
  if (count <= size) {
    const owners = columns(0, count).map((_, t) => [0, t] as const);
    return { first, count, head, tail, windows: [columns(0, count)], owners };
  }
  const room = size - head - tail;
  const shared = Math.min(config.window_overlap, Math.floor(room / 2));
  const excess = count - size;
  const windows = 1 + Math.ceil(excess / (room - shared));
  const starts = Array.from({ length: windows }, (_, i) =>
    Math.floor((2 * i * excess + windows - 1) / (2 * (windows - 1))),
  );
  const owners = Array.from({ length: count }, (_, t): [number, number] => {
    if (t < head) return [0, t];
    if (t >= count - tail) return [windows - 1, size - (count - t)];
    const distance = (i: number) => Math.abs(2 * i * excess + (windows - 1) * (2 * head + room - 1 - 2 * t));
    const owner = starts.reduce((best, _, i) => (distance(i) <= distance(best) ? i : best), 0);
    return [owner, t - (starts[owner] ?? 0)];
  });
  return {
    ...{ first, count, head, tail, owners },
    windows: starts.map((start) => [
      ...columns(0, head),
      ...columns(start + head, start + size - tail),
      ...columns(count - tail, count),
    ]),
  };
}

function fixedOf(ids: readonly number[], types: readonly number[] | undefined, config: WindowsConfig) {
  const { window_head: head, window_tail: tail, window_separator: separator, window_size: size } = config;
  const begins = types
    ? types.findIndex((type) => type !== types[0])
    : separator.length > 0
      ? ids.findIndex(
          (_, t) =>
            t >= head + separator.length && separator.every((id, i) => ids[t - separator.length + i] === id),
        )
      : -1;
  const left = ids.length - begins;
  if (begins < 1 || begins >= ids.length - tail) return { head, tail };
  const pair = begins <= left ? { head: begins, tail } : { head, tail: left + separator.length };
  return pair.head + pair.tail <= Math.floor(size / 2) ? pair : { head, tail };
}

/** The same numbers in every run, from 0 to `below` − 1. */
export function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * A row of `count` tokens behind `before` columns of padding, which is the text alone or a pair whose first text has
 * `pair` tokens; some tokens in between are hidden.
 */
export function rowOf(
  shape: {
    readonly length: number;
    readonly before: number;
    readonly count: number;
    readonly pair?: number | undefined;
    readonly holes?: readonly number[];
  },
  separator: readonly number[],
  id: (place: number) => number,
): Row {
  const { length, before, count, pair, holes = [] } = shape;
  const at = <T>(of: (place: number) => T, none: T) =>
    Array.from({ length }, (_, column) => {
      const place = column - before;
      return place >= 0 && place < count ? of(place) : none;
    });
  const second = pair === undefined ? count : pair + separator.length;
  return {
    ids: at(
      (place) =>
        pair !== undefined && place >= pair && place < second ? (separator[place - pair] ?? 0) : id(place),
      0,
    ),
    types: at((place) => Number(place >= second), 0),
    mask: at((place) => Number(!holes.includes(place)), 0),
  };
}
