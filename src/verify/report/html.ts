import { attentionPattern, attentionSentence } from "../../report/attention-pattern.js";
import { patternLength } from "../../report/attention-regions.js";
import { htmlPage, plainTable } from "../../report/html-page.js";
import { type Markup, markup } from "../../report/markup.js";
import type { Table } from "../../report/table.js";
import type { Check, Verdict } from "../check.js";
import { VERDICTS } from "../verdict.js";
import { costTable, differenceTable } from "./by-length.js";
import { costCharts, differenceChart } from "./pictures/charts.js";
import type { VerificationReport } from "./report-schema.js";
import { facts, figureCells, SHOWN_AS, tally, VERDICT_WORDS } from "./wording.js";

/** A report as one page that needs nothing else: verdict first, then checks, pictures and tables. */
export function htmlReport(report: VerificationReport): string {
  const { converted, verdict, summary, checks } = report;
  const [words, shownAs] = [VERDICTS[verdict].words, SHOWN_AS[verdict]];
  const title = `Verification of ${converted}`;
  const failures = checks.filter((check) => check.verdict === "fail");
  const others = checks.filter((check) => check.verdict !== "fail" && (check.findings ?? []).length > 0);
  const sideBySide = checks.flatMap(({ title, table }) => (table ? [{ title, table }] : []));
  return htmlPage(
    title,
    markup`<h1>${title}</h1>
<div class="verdict ${shownAs}">${word(shownAs, words)}<p>${summary}</p></div>
<dl>${facts(report).map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
${section(
  "What fell short",
  failures.map((check) => findings(check)),
)}
${section(`Checks: ${tally(checks)}`, checks.length > 0 ? [checkTable(checks)] : [])}
${section(
  "Found besides",
  others.map((check) => findings(check)),
)}
${section(
  "Side by side",
  sideBySide.map(({ title, table }) => markup`<h3>${title}</h3>\n${plainTable(table)}`),
)}
${pictures(report)}
<footer>Random inputs with seed ${report.seed}. The same report as JSON: <code>lsg verify --json</code>.</footer>`,
  );
}

/** A heading with what belongs to it; nothing where nothing does. */
function section(heading: string, parts: readonly Markup[]): Markup {
  return parts.length === 0
    ? markup``
    : markup`<section><h2>${heading}</h2>\n${parts.map((part) => markup`${part}\n`)}</section>`;
}

function word(verdict: Verdict, words = VERDICT_WORDS[verdict]): Markup {
  return markup`<span class="word ${verdict}">${words}</span>`;
}

function findings({ title, detail, findings = [], remedy }: Check): Markup {
  const list =
    findings.length > 0 ? markup`<ul>${findings.map((text) => markup`<li>${text}</li>\n`)}</ul>` : [];
  const todo = remedy === undefined ? [] : markup`<p><strong>To do:</strong> ${remedy}</p>`;
  return markup`<h3>${title}</h3>\n<p>${detail}</p>\n${list}${todo}`;
}

function checkTable(checks: readonly Check[]): Markup {
  const rows = checks.map((check) => {
    const cells = figureCells(check).map((cell) => markup`<td class="number">${cell}</td>`);
    return markup`<tr><td>${word(check.verdict)}</td><td>${check.title}<br><span class="soft">${check.detail}</span></td>${cells}</tr>\n`;
  });
  return markup`<div class="wide"><table>
<thead><tr><th></th><th>What was looked at, and what was found</th><th class="number">figure</th><th class="number">at most</th><th class="number">tokens</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function pictures({
  differences,
  costs,
  attention,
  max_sequence_length: length,
}: VerificationReport): Markup {
  const figures = (table: Table) => markup`<details><summary>Figures</summary>${plainTable(table)}</details>`;
  const [time, memory] = costCharts(costs);
  const shown = attention && patternLength(attention, length?.to);
  return markup`${section(
    "Difference from the original by length",
    differences.length > 0
      ? [markup`<figure>${differenceChart(differences)}</figure>${figures(differenceTable(differences))}`]
      : [],
  )}
${section(
  "Time and memory by length",
  costs.length > 0
    ? [
        markup`<div class="pair"><figure>${time}</figure><figure>${memory}</figure></div>${figures(costTable(costs))}`,
      ]
    : [],
)}
${section(
  "Attention",
  attention && shown
    ? [
        markup`<figure>${attentionPattern(attention, shown)}<figcaption>An input of ${shown} tokens. ${attentionSentence(attention)}</figcaption></figure>`,
      ]
    : [],
)}`;
}
