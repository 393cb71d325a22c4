import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { htmlReport } from "../../src/verify/report/html.js";
import { markdownReport } from "../../src/verify/report/markdown.js";
import { reportToJson } from "../../src/verify/report/report-schema.js";
import { printReport } from "../../src/verify/report/terminal.js";
import { SHOWN_AS } from "../../src/verify/report/wording.js";
import { exitCodeOf, type FolderVerdict, VERDICTS } from "../../src/verify/verdict.js";
import { passing } from "./report/reports.js";

const DOCS = new URL("../../docs/verify.md", import.meta.url);
const ALL = Object.keys(VERDICTS) as FolderVerdict[];

test("docs/verify.md says what follows from each verdict", () => {
  const table = readFileSync(DOCS, "utf8")
    .split("\n")
    .filter((line) => /^\| [a-z -]+ +\| `\w+` /.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const rows = table.map(([, words, json, code, uncompared, pushed]) => [
    ...[words, json, code, uncompared],
    pushed?.startsWith("yes") ? true : pushed === "with `--no-verify` only" ? false : pushed,
  ]);
  expect(rows).toEqual(
    ALL.map((verdict) => {
      const { words, exitCode, exitCodeUncompared, isPushed } = VERDICTS[verdict];
      return [words, `\`${verdict}\``, String(exitCode), String(exitCodeUncompared), isPushed];
    }),
  );
});

test("what was not compared passes only where no comparison was asked for, what falls short never", () => {
  const codes = (against?: string) =>
    Object.fromEntries(ALL.map((verdict) => [verdict, exitCodeOf(verdict, against)]));
  expect(codes()).toEqual({ sound: 0, fine_tuned_since: 1, not_compared: 1, falls_short: 1 });
  expect(codes("./none")).toEqual(codes());
  expect(codes("none")).toEqual({ sound: 0, fine_tuned_since: 0, not_compared: 0, falls_short: 1 });
  expect(Object.values(SHOWN_AS).filter((shown) => shown === "pass")).toHaveLength(1);
});

test.each(ALL)("%s is said in every form of a report", (verdict) => {
  const report = passing({ verdict, summary: "What was found." });
  const { words } = VERDICTS[verdict];
  expect(printReport(report, { colours: false, columns: 100 })).toMatch(
    new RegExp(`\\n${words}  What was found\\.$`),
  );
  expect(markdownReport(report)).toContain(`**${words}** — What was found.`);
  expect(htmlReport(report)).toContain(
    `<div class="verdict ${SHOWN_AS[verdict]}"><span class="word ${SHOWN_AS[verdict]}">${words}</span>`,
  );
  expect(reportToJson(report).verdict).toBe(verdict);
});
