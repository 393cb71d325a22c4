import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CUTTERS, centred, whole } from "../../src/evaluate/parts.js";

interface Cut {
  readonly n: number;
  readonly head: number;
  readonly tail: number;
  readonly size: number;
  readonly overlap: number;
  /** Runs of tokens `[first, end)` of each window. */
  readonly windows: readonly (readonly (readonly [first: number, end: number])[])[];
  /** Up to a token, which window owns those before it. */
  readonly owners: readonly (readonly [end: number, window: number])[];
}

/** By definition: fixtures/generate/windows_plans.py. */
const { cuts } = JSON.parse(
  readFileSync(new URL("../../fixtures/windows/plans.json", import.meta.url), "utf8"),
) as { cuts: readonly Cut[] };

const long = cuts.filter(({ n, size }) => n > size);

test("windows are those of a model that was converted to them", () => {
  expect(long.length).toBeGreaterThan(100);
  for (const { n, windows, owners, ...sizes } of long) {
    const found = CUTTERS.windows(n, sizes);
    const wanted = windows.map((runs) =>
      runs.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i)),
    );
    expect(found.windows).toEqual(wanted);
    const owned = Array.from({ length: n }, (_, token) => owners.find(([end]) => token < end)?.[1]);
    expect(found.owners.map((owner) => owner?.window)).toEqual(owned);
  }
});

test("every part is short enough, has head and tail, and holds what is read from it", () => {
  for (const { n, windows: _, owners: __, ...sizes } of long) {
    for (const [name, cutter] of Object.entries(CUTTERS)) {
      const { windows, owners } = cutter(n, sizes);
      for (const window of windows) {
        expect(window.length).toBeLessThanOrEqual(sizes.size);
        expect(window.slice(0, sizes.head)).toEqual([...Array(sizes.head).keys()]);
        expect(window.slice(window.length - sizes.tail)).toEqual(
          Array.from({ length: sizes.tail }, (_, i) => n - sizes.tail + i),
        );
      }
      owners.forEach((owner, token) => {
        if (owner) expect(windows[owner.window]?.[owner.place]).toBe(token);
      });
      const unread = owners.filter((owner) => !owner).length;
      expect(unread).toBe(name === "cut" ? n - sizes.size : 0);
    }
  }
});

test("chunks share nothing but head and tail", () => {
  for (const { n, windows: _, owners: __, ...sizes } of long) {
    const content = CUTTERS.chunks(n, sizes).windows.flatMap((window) =>
      window.slice(sizes.head, window.length - sizes.tail),
    );
    expect(content).toEqual(Array.from({ length: n - sizes.head - sizes.tail }, (_, i) => sizes.head + i));
  }
});

test("a token's own window has it in the middle, as far as the ends allow", () => {
  const sizes = { size: 12, head: 1, tail: 1, overlap: 4 };
  const { windows, owners } = centred(40, sizes, [1, 20, 38]);
  expect(windows).toEqual([
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 39],
    [0, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 39],
    [0, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39],
  ]);
  expect([owners[1], owners[20], owners[38], owners[2]]).toEqual([
    { window: 0, place: 1 },
    { window: 1, place: 6 },
    { window: 2, place: 10 },
    undefined,
  ]);
  expect(centred(12, sizes, [3])).toEqual(whole(12));
});
