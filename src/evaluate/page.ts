import { htmlPage, plainTable } from "../report/html-page.js";
import { lineChart, type Point, RIVAL_KINDS } from "../report/line-chart.js";
import { type Markup, markup } from "../report/markup.js";
import { formatNumber } from "../report/numbers.js";
import type { EvaluationReport } from "./report-schema.js";
import {
  differenceTable,
  evaluationFacts,
  lengthTable,
  overallTable,
  overallTitle,
  positionTable,
  rivals,
} from "./wording.js";

const CHART_WIDTH = 720;

/** An evaluation as one page that needs nothing else. */
export function evaluationPage(report: EvaluationReport): string {
  const title = `${report.task}: ways to read ${report.data}`;
  const positions = positionTable(report);
  return htmlPage(
    title,
    markup`<h1>${title}</h1>
<div class="verdict"><p>${report.verdict}</p></div>
<dl>${evaluationFacts(report).map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
${report.notes.map((note) => markup`<p>${note}</p>\n`)}
<section><h2>${overallTitle(report)}</h2>
${plainTable(overallTable(report))}
</section>
<section><h2>By length</h2>
${wholeMetrics(report).map(({ name }, i) => markup`<figure>${chart(report, name, i)}</figure>\n`)}
${plainTable(lengthTable(report))}
</section>
${positions ? markup`<section><h2>By place</h2>\n${plainTable(positions)}\n</section>` : []}
<section><h2>Paired differences</h2>
${plainTable(differenceTable(report))}
</section>
<footer>The same figures as JSON: <code>lsg evaluate --json</code>. Intervals hold 95 % of a bootstrap's samples.</footer>`,
  );
}

function chart(report: EvaluationReport, metric: string, number: number): Markup {
  const unit = report.metrics.find(({ name }) => name === metric)?.unit;
  const series = rivals(report).map((label, i) => ({
    label,
    kind: RIVAL_KINDS[i % RIVAL_KINDS.length] ?? RIVAL_KINDS[0],
    points: pointsOf(report, label, metric),
  }));
  const last = series.flatMap(({ label, points }) => {
    const longest = points.at(-1);
    return longest ? [`${label}: ${formatNumber(longest.y)} up to ${longest.x} tokens.`] : [];
  });
  return lineChart({
    id: `chart-${number}`,
    width: CHART_WIDTH,
    title: `${metric} by length`,
    description: last.join(" "),
    xLabel: `tokens of the ${report.noun}, up to`,
    yLabel: unit ?? metric,
    logX: true,
    logY: false,
    series,
  });
}

/** Metrics of whole documents. */
function wholeMetrics({ metrics }: EvaluationReport) {
  return metrics.filter(({ places }) => places === undefined);
}

/** Documents beyond the last range stand where it would end. */
function pointsOf({ figures }: EvaluationReport, system: string, metric: string): Point[] {
  const own = figures.filter(
    (one) => one.system === system && one.metric === metric && one.group === "length",
  );
  const ends = figures.flatMap(({ up_to: upTo }) => upTo ?? []);
  const beyond = 2 * Math.max(512, ...ends);
  return own.flatMap(({ up_to: upTo, value, low, high }) =>
    value === null ? [] : [{ x: upTo ?? beyond, y: value, low: low ?? value, high: high ?? value }],
  );
}
