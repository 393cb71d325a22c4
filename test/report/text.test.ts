import fc from "fast-check";
import { expect, test } from "vitest";
import { cut, pad, textWidth, wrap } from "../../src/report/text.js";

test("columns of other scripts: wide characters take two, combining ones none", () => {
  expect(textWidth("東京")).toBe(4);
  expect(textWidth("e\u0301")).toBe(1);
  expect(textWidth("\u{1f600}")).toBe(2);
  expect(pad("東京", 6)).toBe("東京  ");
  expect(cut("東京都", 5)).toBe("東京…");
  expect(cut("abc", 3)).toBe("abc");
});

test("wrapping keeps every word whole and in order, and lines short", () => {
  const words = fc.array(fc.stringMatching(/^[a-z東]{1,12}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 30 }), (list, width) => {
      const lines = wrap(list.join(" "), width);
      expect(lines.join(" ")).toBe(list.join(" "));
      for (const line of lines.filter((text) => text.includes(" "))) {
        expect(textWidth(line)).toBeLessThanOrEqual(width);
      }
    }),
  );
});
