import { describe, expect, test } from "vitest";
import { benchPage } from "../../src/bench/page.js";
import type { BenchReport, MeasuredGraph, Measurement } from "../../src/bench/types.js";
import { printBench } from "../../src/bench/wording.js";

function at(length: number, [min, median, max]: [number, number, number], megabytes: number): Measurement {
  return { length, seconds: { median, min, max }, tokens_per_second: length / median, megabytes };
}

const MODEL: MeasuredGraph = {
  name: "LSG",
  load_seconds: { median: 0.4, min: 0.39, max: 0.5 },
  measurements: [at(512, [0.2, 0.25, 0.3], 300), at(4096, [2, 2.1, 2.25], 900)],
  notes: [],
};
const ALTERNATIVE: MeasuredGraph = {
  name: "full attention",
  load_seconds: { median: 0.3, min: 0.3, max: 0.3 },
  measurements: [at(512, [0.19, 0.2, 0.21], 290), at(4096, [4, 4.2, 4.4], 3600)],
  notes: ["not run at 16384 tokens: 16384 need about 51.5 GB of memory, and 20.0 GB are free"],
};
const REPORT: BenchReport = {
  format_version: 1,
  model: "model-lsg",
  model_type: "bert",
  against: "the same weights with full attention",
  device: { name: "cpu", detail: "2 cores" },
  versions: { lsg: "1.2.3", node: "20.20.0", onnxruntime: "1.30.0" },
  machine: { cpu: "A CPU", cores: 2, memory_bytes: 8 * 2 ** 30 },
  batch_size: 1,
  runs: 5,
  seed: 123,
  graphs: { model: MODEL, alternative: ALTERNATIVE },
  seconds: { crossing: 700, ahead: "model" },
  megabytes: { crossing: null, ahead: null },
};

describe("on a terminal", () => {
  test("a measurement says what, where, with what, and what it comes to", () => {
    const text = printBench(REPORT, 100);
    expect(text).toContain("versions  lsg 1.2.3, Node 20.20.0, onnxruntime-node 1.30.0\n");
    expect(text).toContain("machine   2 cores, A CPU, 8 GiB of memory\n");
    expect(text).toMatch(/^4096 {4}LSG +2\.10 +2\.00–2\.25 +1950 +900$/m);
    expect(text).toMatch(/^4096 {4}full attention +4\.20 +4\.00–4\.40 +975 +3600 +2\.00 × +4\.00 ×$/m);
    expect(text).toContain("Loading: LSG 0.400 s (0.390–0.500), full attention 0.300 s (0.300–0.300).\n");
    expect(text).toContain("Time: LSG is faster from about 700 tokens on.\n");
    expect(text).toContain("Runs of both overlap at 512 tokens: there it may be chance which is faster.\n");
    expect(text.replaceAll("\n", " ")).toContain(
      "full attention: not run at 16384 tokens: 16384 need about 51.5 GB of memory, and 20.0 GB are free. ",
    );
    expect(text).not.toContain("GPU");
  });

  test("a length that only one was run at has no ratio; a GPU's memory is said not to count", () => {
    const alternative = { ...ALTERNATIVE, measurements: [at(512, [3, 3, 3], 1000)] };
    const text = printBench(
      { ...REPORT, graphs: { model: MODEL, alternative }, device: { name: "webgpu", detail: "" } },
      100,
    );
    expect(text).toContain("device    webgpu\n");
    expect(text.match(/^4096 .*$/gm)).toEqual([expect.stringMatching(/LSG/)]);
    expect(text).not.toContain("overlap");
    expect(text).toContain("what a GPU holds does not count");
  });

  test("escape sequences in a name do nothing", () => {
    expect(printBench({ ...REPORT, model: "a\x1b[2Jb" }, 100)).not.toContain("\x1b");
  });
});

describe("as a page", () => {
  test("it shows both graphs' lines, the crossing, every figure, and loads nothing", () => {
    const page = benchPage(REPORT);
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).toContain("<title>LSG: 2.1 at 4096</title>");
    expect(page).toContain("<title>full attention: 3600 at 4096</title>");
    expect(page.match(/class="border-line"/g)).toHaveLength(1);
    expect(page).toContain("equal at about 700");
    expect(page).toContain("<td>2.00–2.25</td>");
    expect(page).not.toMatch(/<script|\ssrc=|https?:|@import|url\(/);
    expect(page).toContain("default-src &#39;none&#39;");
  });

  test("names are text, never markup", () => {
    const evil = `"><script>alert('x')</script>`;
    const graphs = { model: MODEL, alternative: { ...ALTERNATIVE, name: evil, notes: [evil] } };
    const page = benchPage({ ...REPORT, model: evil, against: evil, graphs });
    expect(page).not.toContain("<script");
    expect(page).toContain("&lt;script&gt;alert(&#39;x&#39;)");
  });

  test("without a single figure there still is a page", () => {
    const none = { ...MODEL, measurements: [] };
    const page = benchPage({ ...REPORT, graphs: { model: none, alternative: none } });
    expect(page.match(/nothing was measured/g)).toHaveLength(2);
  });
});
