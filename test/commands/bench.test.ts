import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { BenchReport } from "../../src/bench/types.js";
import { bench } from "../../src/commands/bench.js";
import { convert } from "../../src/commands/convert.js";
import { createGraph } from "../../src/onnx/builder.js";
import { writeModel } from "../../src/onnx/writer.js";
import { parseBenchOptions, parseConvertOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { writeSmallBert } from "../verify/small-bert.js";

const root = mkdtempSync(join(tmpdir(), "lsg-test-"));
const source = join(root, "source");
const folder = join(root, "converted");
const longformer = join(root, "longformer");
const scratch = join(root, "scratch");

beforeAll(async () => {
  mkdirSync(scratch);
  vi.stubEnv("TMPDIR", scratch);
  writeSmallBert(source);
  await convert(source, folder, parseConvertOptions({ maxSequenceLength: 200 }));
  await convert(source, longformer, parseConvertOptions({ maxSequenceLength: 200, to: "longformer" }));
});
// Drivers leave files of their own.
afterEach(() => expect(readdirSync(scratch).filter((name) => name.startsWith("lsg-"))).toEqual([]));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

const FEW = { device: "cpu", runs: 1, lengths: [5, 150] };

function run(given: object, model = folder, onStep?: (text: string) => void): Promise<BenchReport> {
  return bench(model, parseBenchOptions({ ...FEW, ...given }), { onStep });
}

function lengthsOf(report: BenchReport): number[][] {
  return [report.graphs.model, report.graphs.alternative].map(({ measurements }) =>
    measurements.map(({ length }) => length),
  );
}

describe("lsg bench", () => {
  test("prints one JSON document with figures of both graphs, and writes the page", async () => {
    const html = join(root, "bench.html");
    const args = [
      "--runs",
      "1",
      "--lengths",
      "150,5",
      "--batch-size",
      "3",
      "--device",
      "cpu",
      "--html",
      html,
    ];
    const { code, stdout, stderr } = await lsg(["bench", folder, ...args, "--json"]);
    expect(code, stderr).toBe(0);
    const report: BenchReport = JSON.parse(stdout);
    expect(report).toMatchObject({ model: folder, model_type: "bert", batch_size: 3, runs: 1, seed: 123 });
    expect(report.machine.memory_bytes).toBeGreaterThan(1e9);
    expect(report.versions.onnxruntime).toMatch(/^1\.\d+/);
    expect([report.graphs.model.name, report.graphs.alternative.name]).toEqual(["LSG", "full attention"]);
    expect(lengthsOf(report)).toEqual([
      [5, 150],
      [5, 150],
    ]);
    for (const { load_seconds, measurements, notes } of Object.values(report.graphs)) {
      expect(load_seconds.min).toBeGreaterThan(0);
      expect(notes).toEqual([]);
      for (const { length, seconds, tokens_per_second, megabytes } of measurements) {
        expect(0 < seconds.min && seconds.min <= seconds.median && seconds.median <= seconds.max).toBe(true);
        expect(tokens_per_second).toBeCloseTo((3 * length) / seconds.median);
        expect(megabytes).toBeGreaterThan(10);
      }
    }
    expect(readFileSync(html, "utf8")).toMatch(/^<!doctype html>[\s\S]*<svg [\s\S]*<\/html>\n$/);
  });

  test("against the original, at the lengths that it reads; the others are noted", async () => {
    const report = await run({ against: "original" });
    expect(report.against).toBe("the original, source");
    expect(lengthsOf(report)).toEqual([[5, 150], [5]]);
    expect(report.graphs.alternative.notes).toEqual(["not run at 150 tokens: it reads 32 at most"]);
  });

  test("a Longformer beside full attention, and both beside a graph of one input", async () => {
    expect(lengthsOf(await run({}, longformer))).toEqual([
      [5, 150],
      [5, 150],
    ]);
    const graph = createGraph("ids");
    const ids = graph.input("input_ids", "I64", ["batch_size", "sequence_length"]);
    graph.output("ids", graph.op.Identity(ids), "I64", ["batch_size", "sequence_length"]);
    const against = join(root, "ids.onnx");
    await writeModel(against, graph.model());
    const report = await run({ against, lengths: [5] }, source);
    expect(report.graphs.alternative.name).toBe(against);
    expect(lengthsOf(report)[1]).toEqual([5]);
  });
});

describe("refuses, without a trace", () => {
  async function refused(given: object, model = folder): Promise<{ message: string; steps: string[] }> {
    const steps: string[] = [];
    const error = await run(given, model, (text) => void steps.push(text)).catch((error: unknown) => error);
    expect(error).toMatchObject({ exitCode: 2, message: expect.any(String) });
    return { message: (error as Error).message, steps };
  }

  test("a graph that has other inputs", async () => {
    const graph = createGraph("positions");
    const ids = graph.input("position_ids", "I64", ["batch_size", "sequence_length"]);
    graph.output("ids", graph.op.Identity(ids), "I64", ["batch_size", "sequence_length"]);
    const against = join(root, "positions.onnx");
    await writeModel(against, graph.model());
    const { message } = await refused({ against });
    expect(message).toBe(
      `${against} cannot be loaded: it has an input position_ids; expected are at most ` +
        "input_ids, attention_mask, token_type_ids",
    );
  });

  test.each([
    [
      "a graph that is not there",
      { against: "nowhere.onnx" },
      /^--against nowhere\.onnx: there is no such file$/,
    ],
    ["a length that the model does not read", { lengths: [5, 201] }, /^--lengths 201: .* reads 200 tokens/],
  ])("%s, before anything is run", async (_, given, message) => {
    const refusal = await refused(given);
    expect(refusal.message).toMatch(message);
    expect(refusal.steps).toEqual([]);
  });

  test("full attention beside itself, and an original that nothing names", async () => {
    expect((await refused({ lengths: [5] }, source)).message).toMatch(
      /^--against full: .* has full attention/,
    );
    const { message } = await refused({ lengths: [5], against: "original" }, source);
    expect(message).toMatch(/^lsg_conversion\.json is missing/);
  });

  test.each([
    ["--against", { against: "half" }],
    ["--runs", { runs: "0" }],
    ["--batch-size", { batchSize: "0" }],
    ["--html", { html: "page.txt" }],
    ["--lengths", { lengths: "5,x" }],
  ])("%s %j", (flag, given) => {
    expect(() => parseBenchOptions(given)).toThrow(flag);
  });

  test("a page that cannot be written, before anything is run", async () => {
    const html = join(root, "nowhere", "page.html");
    const { code, stdout, stderr } = await lsg(["bench", folder, "--html", html]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/nowhere/);
    expect(stderr).not.toMatch(/Loading/);
  });
});
