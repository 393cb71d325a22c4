import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { WindowsConfig } from "../../../src/attention/windows.js";
import {
  cutByDefinition,
  fixedByDefinition,
  MERGED,
  planByDefinition,
  type RowPlan,
  readerScale,
  readerWeights,
  spanByDefinition,
} from "../../../src/verify/definition/windows.js";
import { FIXTURES } from "../../support/fixtures.js";

type Run = readonly [start: number, end: number];

interface Goldens {
  readonly cuts: readonly {
    readonly n: number;
    readonly head: number;
    readonly tail: number;
    readonly size: number;
    readonly overlap: number;
    readonly windows: readonly (readonly Run[])[];
    readonly owners: readonly (readonly [end: number, window: number])[];
  }[];
  readonly pairs: readonly {
    readonly keys: WindowsConfig;
    readonly n: number;
    readonly ids: readonly number[] | null;
    readonly types: readonly number[] | null;
    readonly head: number;
    readonly tail: number;
  }[];
}

const { cuts, pairs } = JSON.parse(readFileSync(join(FIXTURES, "windows", "plans.json"), "utf8")) as Goldens;

const KEYS: WindowsConfig = {
  ...{ window_size: 8, window_head: 1, window_tail: 1, window_separator: [4], window_overlap: 2 },
};

test("windows and owners are those of the golden plans", () => {
  expect(cuts.length).toBeGreaterThan(100);
  for (const { n, head, tail, size, overlap, windows, owners } of cuts) {
    const keys = { window_size: size, window_overlap: overlap };
    const found = cutByDefinition(n, { head, tail }, keys);
    const tokens = windows.map((runs) => runs.flatMap(([start, end]) => countedFrom(start, end)));
    const owned = owners.flatMap(([end, window], i) =>
      countedFrom(owners[i - 1]?.[0] ?? 0, end).map(() => window),
    );
    const name = JSON.stringify({ n, head, tail, size, overlap });
    expect(found.windows, name).toEqual(tokens);
    expect(
      found.owners.map(({ window }) => window),
      name,
    ).toEqual(owned);
    expect(placesHoldTheirTokens(found), name).toBe(true);
  }
});

test("what windows repeat of texts and pairs is that of the golden plans", () => {
  expect(
    pairs.filter(({ keys, head, tail }) => head + tail > keys.window_head + keys.window_tail).length,
  ).toBeGreaterThan(20);
  for (const { keys, n, ids, types, head, tail } of pairs) {
    const row = { mask: new Array<number>(n).fill(1), ids: ids ?? undefined, types: types ?? undefined };
    expect(fixedByDefinition(row, keys), JSON.stringify({ keys, ids, types })).toEqual({ head, tail });
  }
});

test("a row begins at its first token and ends at its last, whatever is hidden between", () => {
  expect(spanByDefinition([0, 0, 1, 0, 1, 0])).toEqual({ start: 2, end: 5 });
  expect(spanByDefinition([1])).toEqual({ start: 0, end: 1 });
  expect(spanByDefinition([0, 0])).toBeUndefined();
});

describe("a reader", () => {
  const hidden = [3, 11];
  const row = { mask: countedFrom(0, 21).map((token) => (hidden.includes(token) ? 0 : 1)) };
  const plan = planByDefinition(row, KEYS);

  test("sees every visible token but the first with a weight of 1 in all", () => {
    const sums = row.mask.map(() => 0);
    readerWeights(plan, row).forEach((weights, window) => {
      weights.forEach((weight, place) => {
        const token = plan.windows[window]?.[place] ?? Number.NaN;
        sums[token] = (sums[token] ?? 0) + weight;
      });
    });
    const expected = row.mask.map((seen, token) => (token === 0 ? 0 : seen));
    for (const [token, sum] of sums.entries()) {
      expect(sum, `token ${token}`).toBeCloseTo(expected[token] ?? Number.NaN, 12);
    }
  });

  test("has scores as sharp as those of a row of one window, and sharper the longer its row", () => {
    expect(readerScale(8, KEYS)).toBe(1);
    expect(readerScale(64, KEYS)).toBeCloseTo(2, 12);
  });
});

test("what windows have is merged by its name", () => {
  const values = [1, -2, 4];
  expect(MERGED.mean(values)).toBe(1);
  expect(MERGED.max(values)).toBe(4);
  expect(MERGED.least(values)).toBe(-2);
  const byHand = Math.log((Math.exp(1) + Math.exp(-2) + Math.exp(4)) / 3);
  expect(MERGED.logsumexp(values)).toBeCloseTo(byHand, 12);
  expect(MERGED.logsumexp([1000, 1000])).toBe(1000);
});

function placesHoldTheirTokens({ windows, owners }: Pick<RowPlan, "windows" | "owners">): boolean {
  return owners.every(({ window, place }, token) => windows[window]?.[place] === token);
}

function countedFrom(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}
