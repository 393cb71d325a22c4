import type { WindowsConfig } from "../../src/attention/windows.js";
import { planByDefinition, type RowPlan, spanByDefinition } from "../../src/verify/definition/windows.js";

/** A row of a batch: ids and types where a token can stand, and which of them are seen. */
export interface Row {
  readonly ids: readonly number[];
  readonly types: readonly number[];
  readonly mask: readonly number[];
}

/** A row of a batch by the definition, in columns of the batch. */
export interface RowByDefinition extends RowPlan {
  /** Its first column, and columns from there to its last one. */
  readonly first: number;
  readonly count: number;
}

/** @param hasTypes whether types say where the second text of a pair begins */
export function byDefinition(row: Row, config: WindowsConfig, hasTypes: boolean): RowByDefinition {
  const length = row.mask.length;
  const span = spanByDefinition(row.mask) ?? { start: length - 1, end: length };
  const { start, end } = length <= config.window_size ? { start: 0, end: length } : span;
  const part = (values: readonly number[]) => values.slice(start, end);
  const tokens = { ids: part(row.ids), types: hasTypes ? part(row.types) : undefined, mask: part(row.mask) };
  const { windows, ...plan } = planByDefinition(tokens, config);
  const columns = windows.map((window) => window.map((token) => start + token));
  return { ...plan, windows: columns, first: start, count: end - start };
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
