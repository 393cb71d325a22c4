import { printable } from "../base/printable.js";
import { counted, formatNumber } from "../report/numbers.js";
import type { Table } from "../report/table.js";
import { wrap } from "../report/text.js";
import { factLines, tableLines } from "../verify/report/terminal.js";
import type { BenchReport, Comparison, MeasuredGraph, Spread } from "./types.js";

/** What was measured, where and how: names with their values. */
export function benchFacts(report: BenchReport): (readonly [name: string, value: string])[] {
  const { device, versions, machine, batch_size: rows, runs, graphs } = report;
  const memory = `${Math.round(machine.memory_bytes / 2 ** 30)} GiB of memory`;
  return [
    ["model", `${report.model} (${report.model_type}, ${graphs.model.name})`],
    ["against", report.against],
    ["device", [device.name, device.detail].filter((text) => text !== "").join(": ")],
    ["machine", `${counted(machine.cores, "core")}, ${machine.cpu}, ${memory}`],
    ["versions", `lsg ${versions.lsg}, Node ${versions.node}, onnxruntime-node ${versions.onnxruntime}`],
    ["inputs", `${counted(rows, "row")} of random tokens, seed ${report.seed}`],
    ["runs", `${runs} counted after one to warm up, the graphs in turn; a process each`],
  ];
}

/** A row for each length and graph. */
export function benchTable({ graphs: { model, alternative } }: BenchReport): Table {
  const lengths = new Set([...model.measurements, ...alternative.measurements].map(({ length }) => length));
  const rows = [...lengths]
    .sort((a, b) => a - b)
    .flatMap((length) => {
      const at = ({ measurements }: MeasuredGraph) => measurements.find((one) => one.length === length);
      const own = at(model);
      return [model, alternative].flatMap((graph) => {
        const figures = at(graph);
        if (!figures) return [];
        const { seconds, tokens_per_second, megabytes } = figures;
        const ratio = (of: number, to: number | undefined) =>
          graph === model || to === undefined ? "" : `${(of / to).toFixed(2)} ×`;
        return [
          [
            formatNumber(length),
            graph.name,
            formatSeconds(seconds.median),
            rangeOf(seconds),
            tokens_per_second.toFixed(0),
            megabytes.toFixed(0),
            ratio(seconds.median, own?.seconds.median),
            ratio(megabytes, own?.megabytes),
          ],
        ];
      });
    });
  const head = [
    "tokens",
    "graph",
    "seconds",
    "min–max",
    "tokens/s",
    "peak MB",
    `${model.name}'s time`,
    `${model.name}'s memory`,
  ];
  return { head, rows };
}

/** What it comes to, a sentence each: loading, time, memory, and why figures are missing. */
export function benchSentences({ graphs: { model, alternative }, ...report }: BenchReport): string[] {
  const loading = ({ name, load_seconds }: MeasuredGraph) =>
    `${name} ${formatSeconds(load_seconds.median)} s (${rangeOf(load_seconds)})`;
  const names = { model: model.name, alternative: alternative.name };
  const both = model.measurements.filter(({ length }) =>
    alternative.measurements.some((other) => other.length === length),
  );
  const everywhere =
    both.length === 1 ? `at ${both[0]?.length} tokens` : "at every length that both were run at";
  const gpu =
    report.device.name === "cpu" ? [] : ["Memory is the process's own: what a GPU holds does not count."];
  return [
    `Loading: ${loading(model)}, ${loading(alternative)}.`,
    `Time: ${verdict(report.seconds, "is faster", everywhere, names)}.`,
    `Memory: ${verdict(report.megabytes, "needs less", everywhere, names)}.`,
    ...overlap(model, alternative),
    ...gpu,
    ...[model, alternative].flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}.`)),
  ];
}

/** Where the slowest run of one took longer than the fastest of the other, whichever is ahead. */
function overlap(model: MeasuredGraph, alternative: MeasuredGraph): string[] {
  const lengths = model.measurements.flatMap(({ length, seconds }) => {
    const other = alternative.measurements.find((one) => one.length === length)?.seconds;
    return other && seconds.min <= other.max && other.min <= seconds.max ? [length] : [];
  });
  if (lengths.length === 0) return [];
  return [`Runs of both overlap at ${lengths.join(", ")} tokens: there it may be chance which is faster.`];
}

function verdict(
  { crossing, ahead }: Comparison,
  wins: string,
  everywhere: string,
  names: Readonly<Record<"model" | "alternative", string>>,
): string {
  if (ahead === null) return "there is no length to compare them at";
  const where = crossing === null ? everywhere : `from about ${crossing} tokens on`;
  return `${names[ahead]} ${wins} ${where}`;
}

function rangeOf({ min, max }: Spread): string {
  return `${formatSeconds(min)}–${formatSeconds(max)}`;
}

/** Three digits, since runs differ by more than that. */
function formatSeconds(seconds: number): string {
  return seconds < 100 ? seconds.toPrecision(3) : seconds.toFixed(0);
}

/** A measurement for a terminal: what and where, figures, and what they come to. */
export function printBench(report: BenchReport, columns: number): string {
  const sections = [
    factLines(benchFacts(report), columns),
    tableLines(benchTable(report), columns),
    benchSentences(report).flatMap((sentence) => wrap(printable(sentence), columns)),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}
