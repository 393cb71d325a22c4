import { describe, expect, test } from "vitest";
import { htmlReport } from "../../../src/verify/report/html.js";
import type { VerificationReport } from "../../../src/verify/report/report-schema.js";
import { check, failing, hostile, passing, withoutOriginal } from "./reports.js";

const REPORTS: [string, VerificationReport][] = [
  ["passing", passing()],
  ["failing", failing()],
  ["without an original", withoutOriginal()],
  ["hostile", hostile()],
  ["one point", passing({ differences: [{ length: 5, difference: 0, tolerance: 1e-4 }], costs: [] })],
];

describe.each(REPORTS)("%s", (_, report) => {
  const page = htmlReport(report);

  test("every element is closed", () => expect(unclosed(page)).toEqual([]));

  test("nothing is loaded, no script can run", () => {
    expect(page).toContain('content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"');
    expect(page).not.toMatch(/<(script|link|img|iframe|object|use)\b|\son\w+=|url\(|@import|href=/i);
  });
});

describe("htmlReport", () => {
  test("verdict first, then checks, tables and four pictures", () => {
    const page = htmlReport(passing());
    expect(headings(page)).toEqual([
      "Checks: 5 pass, 1 info, 1 skip",
      "Side by side",
      "Difference from the original by length",
      "Time and memory by length",
      "Attention",
    ]);
    expect(page.indexOf('class="word pass"')).toBeLessThan(page.indexOf("<h2>"));
    expect(page).toContain(
      '<td class="number">2.9e-6</td><td class="number">1e-4</td><td class="number">512</td>',
    );
    expect(page.match(/<svg /g)).toHaveLength(4);
  });

  test("ids of pictures are there and unique, and each picture has a name", () => {
    const page = htmlReport(passing());
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    const named = [...page.matchAll(/aria-labelledby="([^"]*)"/g)].flatMap(([, list]) => list?.split(" "));
    expect(new Set(ids).size).toBe(ids.length);
    expect(named).toEqual(ids);
    expect(named).toHaveLength(8);
  });

  test("failures in full, before the checks", () => {
    const page = htmlReport(failing());
    expect(headings(page)[0]).toBe("What fell short");
    expect(page.match(/<li>roberta\.encoder\.layer\.\d+\.attention\.self\.key\.bias: /g)).toHaveLength(11);
    expect(page).toContain("<strong>To do:</strong> Convert again: ");
  });

  test("findings of a check that did not fail are shown too", () => {
    const page = htmlReport(
      passing({ checks: [check({ verdict: "stated", findings: ["17 files <new>"] })] }),
    );
    expect(headings(page)).toContain("Found besides");
    expect(page).toContain("<li>17 files &lt;new&gt;</li>");
  });

  test("without an original it says so, and has no empty sections", () => {
    const page = htmlReport(withoutOriginal());
    expect(page).toContain("<dd>nothing</dd>");
    expect(headings(page)).toEqual(["Checks: 1 skip"]);
    expect(page).not.toContain("<svg");
  });

  test("hostile text stays text, in elements and in attributes", () => {
    const page = htmlReport(hostile());
    expect(page).toContain("<h1>Verification of &lt;script&gt;alert(1)&lt;/script&gt; | `code` ``` \\n# [x]");
    expect(page).toContain("&quot;&#39;&amp;amp;");
    expect(page.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e]/u);
  });

  test("a leading space of a token can be seen", () => {
    expect(htmlReport(passing())).toContain("<td> France</td>");
    expect(htmlReport(passing())).toMatch(/table\.plain td \{ white-space: pre-wrap; \}/);
  });
});

function headings(page: string): string[] {
  return [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, heading]) => heading ?? "");
}

/** Elements that are open at the end, or were closed by another's end. */
function unclosed(page: string): string[] {
  const open: string[] = [];
  const body = page.replace(/<style>[\s\S]*?<\/style>/, "");
  for (const [, end, name = "", attributes = ""] of body.matchAll(/<(\/?)([a-z]\w*)((?:\s[^<>]*)?)>/g)) {
    if (["meta", "br"].includes(name) || attributes.endsWith("/")) continue;
    if (end === "") open.push(name);
    else if (open.pop() !== name) return [`</${name}>`];
  }
  return open;
}
