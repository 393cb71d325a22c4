import { type Markup, markup } from "./markup.js";
import { formatNumber } from "./numbers.js";

export interface Point {
  readonly x: number;
  readonly y: number;
  /** The ends of an interval around y, drawn as a bar. */
  readonly low?: number;
  readonly high?: number;
}

/** Kinds for lines of which none is more than another, as many as stay apart in colour. */
export const RIVAL_KINDS = ["rival-1", "rival-2", "rival-3", "rival-4", "rival-5", "rival-6"] as const;

export interface Series {
  readonly label: string;
  /** How it is drawn; the page's style sheet gives each kind its colour. */
  readonly kind: "measured" | "alternative" | "unpromised" | "over" | "limit" | (typeof RIVAL_KINDS)[number];
  /** In any order. A y that is not finite gets a row of its own above the others, and no line leads to it. */
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly id: string;
  /** In units of which the page's text is 12 high. */
  readonly width: number;
  readonly title: string;
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Powers of 2 along x. */
  readonly logX: boolean;
  /** Powers of `yBase` along y; a y of 0 gets a row of its own. */
  readonly logY: boolean;
  /** 10 by default. */
  readonly yBase?: 2 | 10;
  /** An x among the points that divides the plot. */
  readonly border?: { readonly x: number; readonly label: string };
  readonly series: readonly Series[];
}

const HEIGHT = 320;
const PLOT = { left: 64, top: 40, bottom: 272 };
const MARGIN_RIGHT = 18;
/** Height of the row above the scale for what is not finite. */
const NOT_FINITE_ROW = 28;
const SWATCH = { width: 26, gap: 22, letter: 6.6 };
const RADIUS = 3;

/** Lines over a scale, as SVG that takes its colours from the page. Without points: the empty frame and a word. */
export function lineChart(chart: LineChart): Markup {
  const series = chart.series.filter(({ points }) => points.length > 0);
  const points = series.flatMap((one) => one.points);
  const xs = points.map(({ x }) => x);
  const ys = points.flatMap(({ y, high = y }) => [y, high]);
  const right = chart.width - MARGIN_RIGHT;
  const x = axis(chart.logX ? logScale(xs, 2) : linearScale(xs), PLOT.left, right);
  const hasNotFinite = !ys.every(Number.isFinite);
  const top = PLOT.top + (hasNotFinite ? NOT_FINITE_ROW : 0);
  const y = axis(chart.logY ? logScale(ys, chart.yBase ?? 10) : linearScale(ys), PLOT.bottom, top);
  const middle = { x: pixel((PLOT.left + right) / 2), y: (PLOT.top + PLOT.bottom) / 2 };
  return markup`<svg class="chart" viewBox="0 0 ${chart.width} ${HEIGHT}" role="img" aria-labelledby="${chart.id}-title ${chart.id}-desc">
<title id="${chart.id}-title">${chart.title}</title>
<desc id="${chart.id}-desc">${chart.description}</desc>
${y.ticks.map((tick) => row(y.at(tick), formatNumber(tick), right))}${hasNotFinite ? row(PLOT.top, "NaN, ∞", right) : []}
${x.ticks.map((tick) => markup`<text class="tick" x="${x.at(tick)}" y="${PLOT.bottom + 18}" text-anchor="middle">${formatNumber(tick)}</text>`)}
<path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${right}"/>
<text class="label" x="${middle.x}" y="${HEIGHT - 8}" text-anchor="middle">${chart.xLabel}</text>
<text class="label" transform="translate(12 ${middle.y}) rotate(-90)" text-anchor="middle">${chart.yLabel}</text>
${chart.border ? borderLine(chart.border, x, middle.x) : []}${series.map((one) => drawn(one, x, y))}
${points.length > 0 ? legend(series) : markup`<text class="label" x="${middle.x}" y="${middle.y}" text-anchor="middle">nothing was measured</text>`}
</svg>`;
}

interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** A scale laid between two coordinates. What is not finite stands at the plot's top. */
function axis({ ticks, position }: Scale, from: number, to: number): Axis {
  const at = (value: number) =>
    Number.isFinite(value) ? pixel(from + (to - from) * position(value)) : PLOT.top;
  return { ticks, at };
}

function row(y: number, label: string, right: number): Markup {
  return markup`<path class="grid" d="M${PLOT.left} ${y}H${right}"/><text class="tick" x="${PLOT.left - 8}" y="${y}" dy=".32em" text-anchor="end">${label}</text>`;
}

function drawn({ kind, label, points }: Series, x: Axis, y: Axis): Markup {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  if (kind === "limit") return limitLine(sorted, x, y);
  const marks = sorted.map((point) => {
    const text = `${label}: ${formatNumber(point.y)} at ${formatNumber(point.x)}`;
    const { low = point.y, high = point.y } = point;
    const bar =
      low === high ? [] : markup`<path class="bar" d="M${x.at(point.x)} ${y.at(low)}V${y.at(high)}"/>`;
    return markup`${bar}${sign(kind, x.at(point.x), y.at(point.y), text)}`;
  });
  const line = kind === "over" ? "" : linePath(sorted, x, y);
  return markup`<g class="${kind}">${line === "" ? [] : markup`<path class="line" d="${line}"/>`}${marks}</g>`;
}

function borderLine({ x, label }: NonNullable<LineChart["border"]>, axis: Axis, middle: number): Markup {
  const at = axis.at(x);
  // On the side that has more room.
  const [anchor, gap] = at > middle ? ["end", -6] : ["start", 6];
  return markup`<path class="border-line" d="M${at} ${PLOT.top}V${PLOT.bottom}"/><text class="tick" x="${at + gap}" y="${PLOT.bottom - 10}" text-anchor="${anchor}">${label}</text>`;
}

/** From the axis to the last length for which it holds: what is promised holds for every shorter input too. */
function limitLine(points: readonly Point[], x: Axis, y: Axis): Markup {
  const line = points.map((point) => `L${x.at(point.x)} ${y.at(point.y)}`).join("");
  const first = points[0];
  const start = first ? `M${PLOT.left} ${y.at(first.y)}` : "";
  return markup`<g class="limit"><path class="line" d="${start}${line}"/></g>`;
}

function linePath(points: readonly Point[], x: Axis, y: Axis): string {
  return points
    .map((point, i) => {
      if (!Number.isFinite(point.y)) return "";
      const isStart = i === 0 || !Number.isFinite(points[i - 1]?.y);
      return `${isStart ? "M" : "L"}${x.at(point.x)} ${y.at(point.y)}`;
    })
    .join("");
}

/** A dot, or a cross for what is over the limit. */
function sign(kind: Series["kind"], x: number, y: number, text: string): Markup {
  const title = text === "" ? [] : markup`<title>${text}</title>`;
  if (kind !== "over") return markup`<circle cx="${x}" cy="${y}" r="${RADIUS}">${title}</circle>`;
  const r = RADIUS + 1.5;
  return markup`<path class="cross" d="M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}">${title}</path>`;
}

/** What each series is, in one row above the plot. */
function legend(series: readonly Series[]): Markup {
  let next = PLOT.left;
  const items = series.map(({ kind, label }) => {
    const x = next;
    next = pixel(x + SWATCH.width + label.length * SWATCH.letter + SWATCH.gap);
    const line = kind === "over" ? [] : markup`<path class="line" d="M${x} 16h18"/>`;
    const mark = kind === "limit" ? [] : sign(kind, x + 9, 16, "");
    return markup`<g class="${kind}">${line}${mark}</g><text class="label" x="${x + SWATCH.width}" y="16" dy=".32em">${label}</text>`;
  });
  return markup`${items}`;
}

/** Tenths of a unit are finer than anybody sees, and the same on every machine. */
function pixel(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Where a number stands along an axis: 0 at its beginning, 1 at its end. */
interface Scale {
  /** Numbers worth a label, ascending. */
  readonly ticks: readonly number[];
  position(value: number): number;
}

/** More labels on an axis run into each other. */
const MAX_TICKS = 9;

/** From 0 to at least the largest of the values, in steps of 1, 2 or 5 times a power of ten. */
export function linearScale(values: readonly number[]): Scale {
  const largest = Math.max(0, ...values.filter(Number.isFinite)) || 1;
  const rough = largest / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const steps = Math.ceil(largest / step - 1e-9);
  const ticks = Array.from({ length: steps + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  return { ticks, position: (value) => value / (steps * step) };
}

/**
 * Between powers of `base`, with one to either side where all values are the same. Zero has no place on such a scale but is what one hopes for: where it is among the
 * values, it gets a row of its own, one step below the others.
 */
export function logScale(values: readonly number[], base: number): Scale {
  const exponents = values
    .filter((value) => value > 0 && Number.isFinite(value))
    .map((value) => log(value, base));
  const [first, last] = exponents.length > 0 ? [Math.min(...exponents), Math.max(...exponents)] : [0, 0];
  const isOne = Math.floor(first) === Math.ceil(last);
  const lowest = Math.floor(first) - (isOne ? 1 : 0);
  const highest = Math.ceil(last) + (isOne ? 1 : 0);
  const hasZero = values.includes(0);
  const start = hasZero ? lowest - 1 : lowest;
  const every = Math.ceil((highest - lowest) / MAX_TICKS);
  const powers = Array.from(
    { length: Math.floor((highest - lowest) / every) + 1 },
    (_, i) => base ** (lowest + i * every),
  );
  return {
    ticks: hasZero ? [0, ...powers] : powers,
    position: (value) => (value <= 0 ? 0 : (log(value, base) - start) / (highest - start)),
  };
}

/** Exact for powers of 2 and 10, so that a border value does not open another decade. */
function log(value: number, base: number): number {
  const exponent = base === 2 ? Math.log2(value) : Math.log10(value) / Math.log10(base);
  const rounded = Math.round(exponent);
  return Math.abs(exponent - rounded) < 1e-9 ? rounded : exponent;
}
