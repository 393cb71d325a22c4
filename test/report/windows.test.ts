import fc from "fast-check";
import { expect, test } from "vitest";
import { sharedTokens, type WindowsConfig } from "../../src/attention/windows.js";
import { attentionPattern, attentionSentence } from "../../src/report/attention-pattern.js";
import { blockViews, patternLength } from "../../src/report/attention-regions.js";
import { drawnAttention } from "../../src/report/attention-shape.js";
import { textPattern } from "../../src/report/text-pattern.js";
import { cutByDefinition } from "../../src/verify/definition/windows.js";

const shapeOf = (config: WindowsConfig) => drawnAttention({ kind: "windows", config }, false);

const WINDOWS: WindowsConfig = {
  window_size: 16,
  window_head: 1,
  window_tail: 2,
  window_separator: [],
  window_overlap: 4,
};

const windows = fc
  .record({
    window_size: fc.integer({ min: 8, max: 24 }),
    window_head: fc.integer({ min: 0, max: 2 }),
    window_tail: fc.integer({ min: 0, max: 2 }),
    window_separator: fc.constant([]),
    window_overlap: fc.integer({ min: 0, max: 12 }),
  })
  .filter(({ window_size, window_head, window_tail }) => window_size - window_head - window_tail > 1);

test("what is drawn as read from a window is what the definition reads from it, and stands in it", () => {
  fc.assert(
    fc.property(windows, fc.integer({ min: 1, max: 150 }), (config, length) => {
      const { window_head: head, window_tail: tail, window_size: size } = config;
      const plan = cutByDefinition(length, { head, tail }, config);
      const views = blockViews(shapeOf(config), length);
      expect(views).toHaveLength(plan.windows.length);
      for (const [token, { window }] of plan.owners.entries()) {
        const at = views.findIndex(({ queries }) => queries.from <= token && token < queries.to);
        expect(at, `token ${token}`).toBe(window);
      }
      for (const [i, { queries, local, sparse }] of views.entries()) {
        expect(local).toEqual(queries);
        const drawn = [local, ...sparse].flatMap(({ from, to }) =>
          Array.from({ length: to - from }, (_, offset) => from + offset),
        );
        // What every window repeats is said and not drawn, but where it lies.
        const isRepeated = (token: number) => length > size && (token < head || token >= length - tail);
        const inWindow = plan.windows[i]?.filter((token) => !isRepeated(token)) ?? [];
        expect(drawn.filter((token) => !isRepeated(token)).sort((a, b) => a - b)).toEqual(inWindow);
      }
    }),
    { numRuns: 200 },
  );
});

test("a picture has six windows, of which neighbours share what they share at least", () => {
  fc.assert(
    fc.property(windows, (config) => {
      const shape = shapeOf(config);
      const views = blockViews(shape, patternLength(shape));
      expect(views).toHaveLength(6);
      for (const [i, { sparse, local }] of views.slice(1).entries()) {
        const first = Math.min(local.from, ...sparse.map(({ from }) => from));
        const last = Math.max(views[i]?.local.to ?? 0, ...(views[i]?.sparse ?? []).map(({ to }) => to));
        expect(last - first).toBe(sharedTokens(config));
      }
    }),
  );
});

test("in words, in characters and as SVG", () => {
  const shape = shapeOf(WINDOWS);
  expect(attentionSentence(shape)).toBe(
    "Up to 16 tokens every token sees every other one; a longer text is read in windows of 16, of which neighbours share 4 " +
      "or more. Each token is read from the window in which it stands nearest the middle, and every window repeats the text's " +
      "first 1 and last 2.",
  );
  expect(textPattern(shape, 34).split("\n").slice(0, 3)).toEqual(["██░░··", "░░██░░", "··░░██"]);
  const { markup } = attentionPattern(shape, patternLength(shape));
  expect(markup).toContain("others in it, read from its neighbours");
  expect(markup).not.toContain("global tokens");
});
