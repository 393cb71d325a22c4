import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UNTRAINED } from "../../src/plan/untrained.js";

const PAGE = readFileSync(new URL("../../docs/quality.md", import.meta.url), "utf8");

const SENTENCES = Object.entries(UNTRAINED).flatMap(([variant, byOutputs]) =>
  Object.entries(byOutputs).map(([outputs, sentence]) => ({ variant, outputs, sentence })),
);

test.each(SENTENCES)("$variant, $outputs: every figure stands in docs/quality.md", ({ sentence }) => {
  expect(sentence).not.toMatch(/[.;]$/);
  const figures = sentence.match(/\d?\.\d+/g) ?? [];
  // Those that nothing was measured of have none.
  expect(figures.length > 0).toBe(!sentence.includes("not measured"));
  for (const figure of figures) {
    expect(PAGE).toMatch(new RegExp(`(?<![\\d.])${figure.replace(".", "\\.")}(?!\\d)`));
  }
});
