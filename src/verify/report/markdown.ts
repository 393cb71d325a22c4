import { escapeMarkdown } from "../../base/markdown.js";
import { attentionSentence } from "../../report/attention-pattern.js";
import { patternLength } from "../../report/attention-regions.js";
import { markdownTable } from "../../report/markdown-table.js";
import type { Table } from "../../report/table.js";
import { textPattern } from "../../report/text-pattern.js";
import type { Check } from "../check.js";
import { VERDICTS } from "../verdict.js";
import { costTable, differenceTable } from "./by-length.js";
import { mermaidDifferences, mermaidTimes } from "./mermaid.js";
import type { VerificationReport } from "./report-schema.js";
import { facts, figureCells, tally, VERDICT_WORDS } from "./wording.js";

/** A longer table is folded. */
const MAX_OPEN_ROWS = 16;

/**
 * A report as GitHub shows it: verdict first, then failures, checks, tables and pictures. GitHub removes SVG
 * that stands in Markdown, so charts are Mermaid, which it draws, and the attention pattern is text.
 */
export function markdownReport(report: VerificationReport): string {
  const { converted, verdict, summary, checks, seed } = report;
  const failures = checks.filter((check) => check.verdict === "fail");
  const others = checks.filter((check) => check.verdict !== "fail" && (check.findings ?? []).length > 0);
  const sections = [
    `# Verification of ${escapeMarkdown(converted)}`,
    `**${VERDICTS[verdict].words}** — ${escapeMarkdown(summary)}`,
    facts(report)
      .map(([name, value]) => `- ${name}: ${escapeMarkdown(value)}`)
      .join("\n"),
    ...section("What fell short", failures.map(findings)),
    ...section(`Checks: ${tally(checks)}`, checks.length > 0 ? [checkTable(checks)] : []),
    ...section("Found besides", others.map(findings)),
    ...section(
      "Side by side",
      checks.flatMap(({ title, table }) =>
        table ? [`### ${escapeMarkdown(title)}\n\n${markdownTable(table)}`] : [],
      ),
    ),
    ...pictures(report),
    `Random inputs with seed ${seed}.`,
  ];
  return `${sections.join("\n\n")}\n`;
}

/** A heading with what belongs to it; nothing where nothing does. */
function section(heading: string, parts: readonly string[]): string[] {
  return parts.length === 0 ? [] : [`## ${heading}`, ...parts];
}

function findings({ title, detail, findings = [], remedy }: Check): string {
  const list = findings.map((finding) => `- ${escapeMarkdown(finding)}`).join("\n");
  const todo = remedy === undefined ? "" : `**To do:** ${escapeMarkdown(remedy)}`;
  return [`### ${escapeMarkdown(title)}`, escapeMarkdown(detail), list, todo]
    .filter((part) => part !== "")
    .join("\n\n");
}

function checkTable(checks: readonly Check[]): string {
  return markdownTable({
    head: ["verdict", "what was looked at", "what was found", "figure", "at most", "tokens"],
    rows: checks.map((check) => [
      VERDICT_WORDS[check.verdict],
      check.title,
      check.detail,
      ...figureCells(check),
    ]),
  });
}

function pictures({
  differences,
  costs,
  attention,
  max_sequence_length: length,
}: VerificationReport): string[] {
  return [
    ...section(
      "Difference from the original by length",
      differences.length > 0
        ? [...mermaidDifferences(differences), folded(differenceTable(differences))]
        : [],
    ),
    ...section(
      "Time and memory by length",
      costs.length > 0 ? [...mermaidTimes(costs), folded(costTable(costs))] : [],
    ),
    ...section(
      "Attention",
      attention
        ? [
            `${attentionSentence(attention)} A row is a block of queries, a column a block of keys:`,
            `\`\`\`text\n${textPattern(attention, patternLength(attention, length?.to))}\n\`\`\``,
          ]
        : [],
    ),
  ];
}

function folded(table: Table): string {
  const text = markdownTable(table);
  if (table.rows.length <= MAX_OPEN_ROWS) return text;
  return `<details><summary>Figures</summary>\n\n${text}\n\n</details>`;
}
