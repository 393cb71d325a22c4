import { htmlPage, plainTable } from "../report/html-page.js";
import { lineChart } from "../report/line-chart.js";
import { type Markup, markup } from "../report/markup.js";
import { formatNumber } from "../report/numbers.js";
import type { BenchReport, Comparison, MeasuredGraph, Measurement } from "./types.js";
import { benchFacts, benchSentences, benchTable } from "./wording.js";

const CHART_WIDTH = 720;

interface Quantity {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** Powers of which number stand along the axis. */
  readonly base: 2 | 10;
  readonly comparison: Comparison;
  of(at: Measurement): number;
}

/** A measurement as one page that needs nothing else. */
export function benchPage(report: BenchReport): string {
  const quantities: readonly Quantity[] = [
    {
      id: "time",
      title: "Time of one run",
      unit: "seconds",
      base: 10,
      comparison: report.seconds,
      of: ({ seconds }) => seconds.median,
    },
    {
      id: "memory",
      title: "Peak memory of the process",
      unit: "MB",
      base: 2,
      comparison: report.megabytes,
      of: ({ megabytes }) => megabytes,
    },
  ];
  const title = `${report.model}: time and memory by length`;
  return htmlPage(
    title,
    markup`<h1>${title}</h1>
<dl>${benchFacts(report).map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
${benchSentences(report).map((sentence) => markup`<p>${sentence}</p>\n`)}
${quantities.map((quantity) => markup`<section><h2>${quantity.title}</h2>\n<figure>${chart(report, quantity)}</figure></section>\n`)}
<section><h2>Figures</h2>
${plainTable(benchTable(report))}
</section>
<footer>The same figures as JSON: <code>lsg bench --json</code>.</footer>`,
  );
}

function chart(
  { graphs: { model, alternative } }: BenchReport,
  { id, title, unit, base, comparison: { crossing }, of }: Quantity,
): Markup {
  const points = ({ measurements }: MeasuredGraph) => measurements.map((at) => ({ x: at.length, y: of(at) }));
  const last = [model, alternative].flatMap(({ name, measurements }) => {
    const longest = measurements.at(-1);
    return longest ? [`${name}: ${formatNumber(of(longest))} ${unit} at ${longest.length} tokens.`] : [];
  });
  return lineChart({
    id,
    width: CHART_WIDTH,
    title: `${title} by length`,
    description: last.join(" "),
    xLabel: "tokens of the input",
    yLabel: unit,
    logX: true,
    logY: true,
    yBase: base,
    series: [
      { label: model.name, kind: "measured", points: points(model) },
      { label: alternative.name, kind: "alternative", points: points(alternative) },
    ],
    ...(crossing !== null && { border: { x: crossing, label: `equal at about ${crossing}` } }),
  });
}
