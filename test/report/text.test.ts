import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, pad, printable, textWidth, wrap } from "../../src/report/text.js";

describe("printable", () => {
  test.each([
    ["an escape sequence cannot clear the screen", "a\u001b[2Jb", "a\ufffd[2Jb"],
    ["a newline is a space", "a\r\nb\u2028c\td", "a b c d"],
    ["the reading direction cannot be turned", "a\u202egnp", "a\ufffdgnp"],
    ["half a surrogate pair", "a\ud800b", "a\ufffdb"],
    ["C1 control characters, which some terminals obey", "a\u009b2Jb", "a\ufffd2Jb"],
    ["other scripts and emoji stay", "東京 \u{1f600} é", "東京 \u{1f600} é"],
  ])("%s", (_, text, expected) => expect(printable(text)).toBe(expected));
});

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
