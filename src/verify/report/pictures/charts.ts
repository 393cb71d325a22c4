import { lineChart, type Point } from "../../../report/line-chart.js";
import type { Markup } from "../../../report/markup.js";
import { formatNumber } from "../../../report/numbers.js";
import type { DifferenceAt } from "../../check.js";
import { byLength, isOver, worstOfEach } from "../by-length.js";
import type { CostAt } from "../report-schema.js";

const TOKENS = "tokens of the input";
/** The whole page, and half of it. */
const WIDTHS = { broad: 720, half: 360 };

/** The largest difference from the original by length, with what was promised. */
export function differenceChart(differences: readonly DifferenceAt[]): Markup {
  const sorted = byLength(differences);
  const points = (chosen: readonly DifferenceAt[]): Point[] =>
    chosen.map(({ length, difference }) => ({ x: length, y: difference }));
  const limits = sorted.flatMap(({ length, tolerance }) =>
    tolerance === undefined ? [] : [{ x: length, y: tolerance }],
  );
  const [worst] = worstOfEach(differences, 1, ({ difference }) => difference);
  return lineChart({
    id: "difference",
    width: WIDTHS.broad,
    title: "Difference from the original by length",
    description: worst
      ? `Largest difference: ${formatNumber(worst.difference)} at ${worst.length} tokens. ${sorted.filter(isOver).length} of ${sorted.length} lengths differ by more than was promised.`
      : "No differences were measured.",
    xLabel: TOKENS,
    yLabel: "largest difference",
    logX: true,
    logY: true,
    series: [
      { label: "at most, as promised", kind: "limit", points: limits },
      {
        label: "measured",
        kind: "measured",
        points: points(sorted.filter(({ tolerance }) => tolerance !== undefined)),
      },
      {
        label: "measured, nothing promised",
        kind: "unpromised",
        points: points(sorted.filter(({ tolerance }) => tolerance === undefined)),
      },
      { label: "more than promised", kind: "over", points: points(sorted.filter(isOver)) },
    ],
  });
}

/** What an input costs by its length: time and memory, each with an axis of its own. */
export function costCharts(costs: readonly CostAt[]): readonly [time: Markup, memory: Markup] {
  const sorted = byLength(costs);
  const longest = sorted.at(-1);
  const chart = (id: string, what: string, unit: string, of: (cost: CostAt) => number) =>
    lineChart({
      id,
      width: WIDTHS.half,
      title: `${what} by length`,
      description: longest
        ? `${formatNumber(of(longest))} ${unit} at ${longest.length} tokens.`
        : "Nothing was measured.",
      xLabel: TOKENS,
      yLabel: unit,
      logX: false,
      logY: false,
      series: [
        { label: what, kind: "measured", points: sorted.map((cost) => ({ x: cost.length, y: of(cost) })) },
      ],
    });
  return [
    chart("time", "Time of one run", "seconds", (cost) => cost.seconds),
    chart("memory", "Memory of the process", "MB", (cost) => cost.megabytes),
  ];
}
