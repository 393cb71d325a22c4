import { describe, expect, test } from "vitest";
import { escapeMarkdown } from "../../../src/base/markdown.js";
import { markdownReport } from "../../../src/verify/report/markdown.js";
import { check, failing, hostile, passing, withoutOriginal } from "./reports.js";

describe("markdownReport", () => {
  test("verdict first, then checks with their figures, tables and pictures", () => {
    const text = markdownReport(passing());
    expect(text.split("\n").slice(0, 4)).toEqual([
      "# Verification of roberta-base-lsg-4096",
      "",
      "**pass** — roberta-base-lsg-4096 computes what FacebookAI/roberta-base computes for inputs of up to 512 tokens, and every tensor is as planned.",
      "",
    ]);
    expect(headings(text)).toEqual([
      "Checks: 5 pass, 1 info, 1 skip",
      "Side by side",
      "Difference from the original by length",
      "Time and memory by length",
      "Attention",
    ]);
    expect(text).toContain("at most 1e-4. | 2.9e-6 | 1e-4 | 512 |");
    expect(text).toContain(
      "| original | score | converted | score |\n| --- | --- | --- | --- |\n|  France | 0.271 |",
    );
    expect(text).toContain("\n```text\n▒▒▒▒");
  });

  test("failures in full, before the checks", () => {
    const text = markdownReport(failing());
    expect(headings(text)[0]).toBe("What fell short");
    expect(text.match(/^- roberta\.encoder\.layer\.\d+\.attention\.self\.key\.bias: /gm)).toHaveLength(11);
    expect(text).toContain("**To do:** Convert again: ");
  });

  test("findings of a check that did not fail are shown too", () => {
    const checks = [check({ verdict: "stated", findings: ["17 files were not there before."] })];
    const text = markdownReport(passing({ checks }));
    expect(headings(text)).toContain("Found besides");
    expect(text).toContain("- 17 files were not there before.");
  });

  test("without an original it says so, and has no empty sections", () => {
    const text = markdownReport(withoutOriginal());
    expect(text).toContain("- compared with: nothing: no original was at hand\n");
    expect(headings(text)).toEqual(["Checks: 1 skip"]);
  });

  test("a long table is folded, a short one is not", () => {
    const text = markdownReport(passing());
    expect(text.match(/<details>/g)).toHaveLength(1);
    expect(text.indexOf("<details>")).toBeLessThan(text.indexOf("largest difference | at most"));
  });

  test("hostile text stays text: lines, cells and code blocks are ours", () => {
    const text = markdownReport(hostile());
    expect(text).not.toMatch(/(?<!\\)<(?!details|summary|\/details|\/summary|!-- -->)/);
    expect(text).not.toMatch(/(?<!\\)\[x/);
    const withoutEscapes = text.replace(/\\[\s\S]/g, "");
    expect(withoutEscapes.match(/^```/gm)?.length).toBe((withoutEscapes.match(/`{3}/g) ?? []).length);
    const checks = text.split("\n").filter((line) => line.startsWith("| FAIL"));
    expect(checks.map((line) => line.match(/(?<!\\)\|/g)?.length)).toEqual([7]);
    expect(text).not.toContain("@user");
  });
});

describe("escapeMarkdown", () => {
  test.each([
    ["names stay readable", "a.word_embeddings.weight (3 x 4)", "a.word_embeddings.weight (3 x 4)"],
    ["emphasis", "_a_ *b* ~c~", "\\_a\\_ \\*b\\* \\~c\\~"],
    ["a cell's end", "a|b", "a\\|b"],
    ["an escape cannot be escaped away", "\\|", "\\\\\\|"],
    ["a list in a list", "- a", "\\- a"],
    ["a numbered list", "1. a", "1\\. a"],
    ["numbers stay numbers", "-0.5 and 2.4e-6", "-0.5 and 2.4e-6"],
    ["a number first", "2.4e-6", "2.4e-6"],
    ["links", "https://x www.x", "https\\://x www\\.x"],
    ["lines", "a\n# b", "a\\\\n\\# b"],
    ["a cell's end behind a backslash", "\\|", "\\\\\\|"],
    ["emoji", ":skull: 12:34", "\\:skull: 12:34"],
    ["formulas", "$x$", "\\$x\\$"],
  ])("%s", (_, text, escaped) => expect(escapeMarkdown(text)).toBe(escaped));
});

function headings(text: string): string[] {
  return [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading ?? "");
}
