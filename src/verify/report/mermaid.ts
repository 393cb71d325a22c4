import type { DifferenceAt } from "../check.js";
import { worstOfEach } from "./by-length.js";
import type { CostAt } from "./report-schema.js";

/** Labels of an axis; more of them overlap. */
const MAX_POINTS = 16;

/** Seen on white and on black, which Mermaid's own palette is not: figures, limit. */
const COLOURS = "#3b8ad9, #e5534b";

/**
 * The difference by length as Mermaid charts: one for the lengths at which something was promised, with the
 * limit, and one for the others, since a line cannot end midway. The axes are linear, so they show the exponent
 * of ten; a difference of 0 is drawn a power below the smallest other one. A chart is left out where there is
 * nothing to draw: fewer than two lengths, only zeros, or a figure that is not finite, which only a table can
 * show.
 */
export function mermaidDifferences(differences: readonly DifferenceAt[]): string[] {
  const promised = differences.filter(({ tolerance }) => tolerance !== undefined);
  const others = differences.filter(({ tolerance }) => tolerance === undefined);
  return [
    ...differenceChart("Where the original's outputs are promised, and the limit", promised),
    ...differenceChart("Where nothing is promised", others),
  ];
}

function differenceChart(title: string, differences: readonly DifferenceAt[]): string[] {
  const points = worstOfEach(differences, MAX_POINTS, ({ difference }) => difference);
  const figures = points.map(({ difference }) => difference);
  const limits = points.flatMap(({ tolerance }) => tolerance ?? []);
  const positive = [...figures, ...limits].filter((value) => value > 0);
  const canBeDrawn = figures.some((value) => value > 0) && [...figures, ...limits].every(Number.isFinite);
  if (points.length < 2 || !canBeDrawn) return [];
  const floor = Math.floor(Math.log10(Math.min(...positive))) - (figures.includes(0) ? 1 : 0);
  const exponent = (value: number) => (value > 0 ? Math.log10(value) : floor);
  const top = Math.max(floor + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const lines = [figures, limits].filter((line) => line.length > 0).map((line) => line.map(exponent));
  return [chart(title, points, `"largest difference: exponent of ten" ${floor} --> ${top}`, lines)];
}

/** The time by length as a Mermaid chart; none where there are fewer than two lengths or a time is not finite. */
export function mermaidTimes(costs: readonly CostAt[]): string[] {
  const points = worstOfEach(costs, MAX_POINTS, ({ seconds }) => seconds);
  const seconds = points.map((point) => point.seconds);
  if (points.length < 2 || !seconds.every(Number.isFinite)) return [];
  const axis = `"seconds" 0 --> ${plain(Math.max(...seconds) || 1)}`;
  return [chart("Time of one run", points, axis, [seconds])];
}

/** Text is ours throughout and figures are numbers: there is nothing to escape. */
function chart(
  title: string,
  points: readonly { readonly length: number }[],
  yAxis: string,
  lines: readonly (readonly number[])[],
): string {
  return [
    "```mermaid",
    `%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "${COLOURS}"}}}}%%`,
    "xychart-beta",
    `  title "${title}"`,
    `  x-axis "tokens" [${points.map(({ length }) => `"${length}"`).join(", ")}]`,
    `  y-axis ${yAxis}`,
    ...lines.map((line) => `  line [${line.map(plain).join(", ")}]`),
    "```",
  ].join("\n");
}

/** Mermaid reads no exponents. */
function plain(value: number): string {
  return value.toFixed(4);
}
