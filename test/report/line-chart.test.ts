import { describe, expect, test } from "vitest";
import { type LineChart, lineChart, type Series } from "../../src/report/line-chart.js";
import { differenceChart } from "../../src/verify/report/pictures/charts.js";

function draw(series: readonly Series[], overrides: Partial<LineChart> = {}): string {
  return lineChart({
    id: "x",
    width: 720,
    title: "Title",
    description: "Description",
    xLabel: "tokens",
    yLabel: "difference",
    logX: false,
    logY: false,
    series,
    ...overrides,
  }).markup;
}

function measured(...points: [x: number, y: number][]): Series {
  return { label: "measured", kind: "measured", points: points.map(([x, y]) => ({ x, y })) };
}

/** Centres of the dots that stand for points: those with a tooltip. */
function dots(svg: string): [number, number][] {
  return [...svg.matchAll(/<circle cx="([^"]*)" cy="([^"]*)" r="3"><title>/g)].map(([, x, y]) => [
    Number(x),
    Number(y),
  ]);
}

function lines(svg: string): string[] {
  return [...svg.matchAll(/<path class="line" d="([^"]*)"\/>/g)]
    .map(([, d = ""]) => d)
    .filter((d) => !d.endsWith("h18"));
}

describe("lineChart", () => {
  test("points stand where their numbers are, in order of x, and a line joins them", () => {
    const svg = draw([measured([10, 5], [0, 0], [5, 10])]);
    expect(dots(svg)).toEqual([
      [64, 272],
      [383, 40],
      [702, 156],
    ]);
    expect(lines(svg)).toEqual(["M64 272L383 40L702 156"]);
  });

  test("a border stands at its number, its label on the side with more room", () => {
    const points = [measured([512, 1], [2048, 2])];
    const borderOf = (x: number) =>
      /class="border-line" d="M(\S+) 40V272"\/><text class="tick" x="(\S+)" y="262" text-anchor="(\w+)">equal</.exec(
        draw(points, { logX: true, border: { x, label: "equal" } }),
      );
    expect(borderOf(1024)?.slice(1)).toEqual(["383", "389", "start"]);
    expect(borderOf(2048)?.slice(1)).toEqual(["702", "696", "end"]);
    expect(draw(points)).not.toContain("border-line");
  });

  test("a scale of powers of 2 along y", () => {
    const svg = draw([measured([1, 256], [2, 1024])], { logY: true, yBase: 2 });
    expect(dots(svg).map(([, y]) => y)).toEqual([272, 40]);
    expect(svg).toContain(">512</text>");
  });

  test("a difference of exactly 0 has a row labelled 0", () => {
    const svg = draw([measured([1, 0], [2, 1e-6], [4, 1e-5])], { logY: true });
    expect(dots(svg)[0]?.[1]).toBe(272);
    expect(svg).toContain('y="272" dy=".32em" text-anchor="end">0</text>');
  });

  test("what is not finite stands in a row of its own above all others, and no line leads there", () => {
    const svg = draw([measured([0, 1], [1, 1], [2, Number.NaN], [3, 1], [4, Number.POSITIVE_INFINITY])]);
    expect(dots(svg).map(([, y]) => y)).toEqual([68, 68, 40, 68, 40]);
    expect(svg).toContain(">NaN, ∞</text>");
    expect(lines(svg)).toHaveLength(1);
    expect(lines(svg)[0]?.match(/[ML]/g)).toEqual(["M", "L", "M"]);
    expect(svg).toContain("<title>measured: NaN at 2</title>");
  });

  test("one point is a dot", () => {
    expect(dots(draw([measured([512, 1e-6])], { logX: true, logY: true }))).toEqual([[383, 156]]);
  });

  test("no points: a frame that says so, without a legend", () => {
    for (const series of [[], [measured()]]) {
      const svg = draw(series, { logX: true, logY: true });
      expect(svg).toContain(">nothing was measured</text>");
      expect(svg).not.toContain("NaN");
      expect(svg).not.toContain("<circle");
    }
  });

  test("labels are escaped", () => {
    const svg = draw([{ ...measured([1, 1]), label: '"<b>&' }], { title: "<script>", xLabel: "</svg>" });
    expect(svg).not.toMatch(/<b>|<script>|<\/svg>[\s\S]*<\/svg>/);
    expect(svg).toContain("&quot;&lt;b&gt;&amp;: 1 at 1");
  });

  test("has a name and a description for those who do not see it", () => {
    const svg = draw([measured([1, 1])]);
    expect(svg).toContain('role="img" aria-labelledby="x-title x-desc"');
    expect(svg).toContain('<title id="x-title">Title</title>\n<desc id="x-desc">Description</desc>');
  });
});

describe("differenceChart", () => {
  test("the limit from the axis to the last length for which it holds; a cross for what is over it", () => {
    const svg = differenceChart([
      { length: 256, difference: 1e-5, tolerance: 1e-4 },
      { length: 512, difference: 1e-3, tolerance: 1e-4 },
      { length: 1024, difference: 1e-2 },
    ]).markup;
    const limit = lines(svg)[0];
    expect(limit).toMatch(/^M64 (\d+\.?\d*)L64 \1L383 \1$/);
    expect(svg.match(/<path class="cross"[^>]*><title>/g)).toHaveLength(1);
    expect(svg).toContain("<title>more than promised: 0.001 at 512</title>");
    expect(svg).toContain(
      "Largest difference: 0.01 at 1024 tokens. 1 of 3 lengths differ by more than was promised.",
    );
  });

  test("NaN is more than was promised", () => {
    const svg = differenceChart([{ length: 1, difference: Number.NaN, tolerance: 1e-4 }]).markup;
    expect(svg).toContain("<title>more than promised: NaN at 1</title>");
  });

  test("exactly as promised is not more", () => {
    expect(differenceChart([{ length: 1, difference: 1e-4, tolerance: 1e-4 }]).markup).not.toContain("cross");
  });
});
