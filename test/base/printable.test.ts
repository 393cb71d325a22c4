import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LsgError } from "../../src/base/errors.js";
import {
  isPrintable,
  printable,
  printableDocument,
  printableJson,
  tell,
  unfitForPaths,
} from "../../src/base/printable.js";

describe("printable", () => {
  test.each([
    ["an escape sequence cannot clear the screen", "a\u001b[2Jb", String.raw`a\u001b[2Jb`],
    ["C1 control characters, which some terminals obey", "a\u009b2Jb", String.raw`a\u009b2Jb`],
    ["ends of lines", "a\r\nb\u2028c\td\u0085", String.raw`a\r\nb\u2028c\td\u0085`],
    ["the reading direction cannot be turned", "a\u202egnp\u2066", String.raw`a\u202egnp\u2066`],
    ["what has no width", "ad\u200bmin\ufeff\u00ad\u3164", String.raw`ad\u200bmin\ufeff\u00ad\u3164`],
    ["text hidden in tags", "a\u{e0041}", String.raw`a\u{e0041}`],
    ["half a surrogate pair", "a\ud800b", String.raw`a\ud800b`],
    ["what XML does not allow", "a\uffff\ufffe", String.raw`a\uffff\ufffe`],
    ["other scripts stay", "東京 é ไทย العربية", "東京 é ไทย العربية"],
    ["emoji stay whole", "❤️ 👩🏽‍🚀 👨‍👩‍👧 🏳️‍🌈", "❤️ 👩🏽‍🚀 👨‍👩‍👧 🏳️‍🌈"],
    ["what holds emoji together is seen elsewhere", "a\u200db\ufe0f", String.raw`a\u200db\ufe0f`],
  ])("%s", (_, text, expected) => expect(printable(text)).toBe(expected));

  test("once is enough, and what comes out can be shown", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(isPrintable(printable(text))).toBe(true);
        if (isPrintable(text)) expect(printable(text)).toBe(text);
      }),
    );
  });
});

test("a document keeps its lines and scripts, and loses what acts", () => {
  expect(printableDocument("# a\r\n\tb\u200c\u001b[31m\u202e\ud800")).toBe(
    `# a\r\n\tb\u200c${String.raw`\u001b[31m\u202e\ud800`}`,
  );
});

test.each([
  ["out/a", undefined],
  ["out/東京 👩‍🚀", undefined],
  ["out/a\nb", String.raw`\n`],
  ["out/\u007f", String.raw`\u007f`],
  ["out/\u2028", String.raw`\u2028`],
  ["out/\u202egnp", String.raw`\u202e`],
])("%j as a path", (path, found) => expect(unfitForPaths(path)).toBe(found));

test("JSON says the same value, without a character that acts", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const json = printableJson({ [`##[${text}`]: [text] });
      expect(JSON.parse(json)).toEqual({ [`##[${text}`]: [text] });
      expect(json.split("\n").every(isPrintable)).toBe(true);
      expect(json).not.toContain("##[");
    }),
  );
});

test("an error's texts are lines that do nothing", () => {
  const { message, remedy } = new LsgError("a\nlsg: fine\u001b[2J", "b\nc");
  expect([message, remedy]).toEqual([String.raw`a\nlsg: fine\u001b[2J`, String.raw`b\nc`]);
  expect(new LsgError(["a\rb", "c"]).message).toBe(`${String.raw`a\rb`}\n     c`);
});

describe("tell", () => {
  const told = (text: string, isTTY: boolean) => {
    let written = "";
    const write = (chunk: string | Uint8Array) => {
      written += chunk;
      return true;
    };
    tell({ write, isTTY }, text);
    return written;
  };

  test("lets ends of lines pass, and colours to a terminal alone", () => {
    const text = "\u001b[1m\u001b[32mpass\u001b[39m a\n\u001b]0;title\u0007\u001b[2J\r\n";
    const rest = String.raw`\u001b]0;title\u0007\u001b[2J\r`;
    expect(told(text, true)).toBe(`\u001b[1m\u001b[32mpass\u001b[39m a\n${rest}\n`);
    expect(told(text, false)).toBe(`${String.raw`\u001b[1m\u001b[32mpass\u001b[39m a`}\n${rest}\n`);
  });

  test.each([
    ["::set-output name=folders::/etc", String.raw`\u003a:set-output name=folders::/etc`],
    [" \u00a0::add-mask::a", String.raw`${" "}${"\u00a0"}\u003a:add-mask::a`],
    ["a ##[add-mask]b", String.raw`a \u0023#[add-mask]b`],
    ["##vso[task.setvariable variable=x]y", String.raw`\u0023#vso[task.setvariable variable=x]y`],
    ["see: std::vector, # [x] ## x", "see: std::vector, # [x] ## x"],
  ])("%j tells no machine of CI anything", (text, expected) => {
    expect(told(`first\n${text}\n`, false)).toBe(`first\n${expected}\n`);
    expect(told(text, true)).toBe(expected);
  });
});
