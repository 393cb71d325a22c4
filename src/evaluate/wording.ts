import { printable } from "../base/printable.js";
import { counted, formatNumber } from "../report/numbers.js";
import type { Table } from "../report/table.js";
import { wrap } from "../report/text.js";
import { factLines, tableLines } from "../verify/report/terminal.js";
import { digitsFor, plusMinus, signed } from "./interval-text.js";
import type { EvaluationReport } from "./report-schema.js";
import { longerUnits } from "./verdict.js";

type Figure = EvaluationReport["figures"][number];

/** What was measured, on what and how: names with their values. */
export function evaluationFacts(report: EvaluationReport): (readonly [name: string, value: string])[] {
  const { task, data, noun, units, items, border, longer, seed, device } = report;
  const texts = units === items ? "" : `, ${counted(items, "text")} to read`;
  const beyond = border === 0 ? "" : `, ${longer} of more than ${border} tokens`;
  return [
    ["task", task],
    ["data", `${data}: ${counted(units, noun)}${texts}${beyond}`],
    ...report.systems.map(({ name, ...system }) => [name, describeSystem(system)] as const),
    ["device", `${device}; lsg ${report.lsg_version}`],
    ["intervals", `95 %, bootstrap over ${counted(units, noun)}, seed ${seed}`],
  ];
}

function describeSystem(system: Omit<EvaluationReport["systems"][number], "name">): string {
  const { model, reading, max_length: maxLength, dtype, is_reference: isReference } = system;
  const how = {
    cut: `cut at ${maxLength} tokens`,
    chunks: `chunks of ${maxLength} tokens side by side`,
    windows: `windows of ${maxLength} tokens that overlap`,
    whole: `up to ${maxLength} tokens at once${dtype === "fp32" ? "" : `, ${dtype}`}`,
  }[reading];
  return `${model}, ${how}${isReference ? "; what the others are held against" : ""}`;
}

/** One row for each system: its figures over all units, and its time. */
export function overallTable(report: EvaluationReport): Table {
  const { systems } = report;
  const metrics = report.metrics.filter(({ places }) => places === undefined);
  const group = report.longer > 0 && report.border > 0 ? "longer" : "all";
  return {
    head: ["", ...metrics.map(({ name }) => name), "s per text", "tokens/s"],
    rows: systems.map(({ name, seconds, tokens_per_second: speed }) => [
      name,
      ...metrics.map((metric) => cellOf(report.figures.find((one) => is(one, name, metric.name, group)))),
      (seconds / Math.max(1, report.items)).toPrecision(2),
      speed.toFixed(0),
    ]),
  };
}

/** The main figure by length, one row for each range. */
export function lengthTable(report: EvaluationReport): Table {
  const main = report.metrics[0]?.name ?? "";
  const names = rivals(report);
  const ranges = rangesOf(report);
  return {
    head: ["tokens", counted(2, report.noun).slice(2), ...names],
    rows: ranges.map(({ up_to: upTo, units }, i) => [
      rangeText(ranges[i - 1]?.up_to ?? 0, upTo),
      String(units),
      ...names.map((name) =>
        cellOf(report.figures.find((one) => is(one, name, main, "length") && one.up_to === upTo)),
      ),
    ]),
  };
}

function rangeText(above: number, upTo: number | null): string {
  return upTo === null ? `more than ${above}` : `to ${upTo}`;
}

/** The main figure by the place of tokens in their document, one row for each part; undefined where it has none. */
export function positionTable(report: EvaluationReport): Table | undefined {
  const parts = report.metrics.filter(({ places }) => places !== undefined);
  if (parts.length === 0) return undefined;
  const names = rivals(report);
  return {
    head: ["place", ...names],
    rows: parts.map(({ name: metric, places }) => [
      `${places?.from}${places?.to == null ? " and on" : ` to ${places.to - 1}`}`,
      ...names.map((name) => cellOf(report.figures.find((one) => is(one, name, metric, "all", places)))),
    ]),
  };
}

/** Systems that have figures. */
export function rivals({ systems }: EvaluationReport): string[] {
  return systems.filter(({ is_reference: isReference }) => !isReference).map(({ name }) => name);
}

/** The ranges of lengths that there are, ascending. */
export function rangesOf({ figures }: EvaluationReport): { up_to: number | null; units: number }[] {
  const byEnd = new Map(
    figures
      .filter(({ group, places }) => group === "length" && places === undefined)
      .map(({ up_to, units }) => [up_to, { up_to, units }]),
  );
  return [...byEnd.values()];
}

/** Each two of the systems, by the main figure. */
export function differenceTable(report: EvaluationReport): Table {
  const main = report.metrics[0]?.name ?? "";
  return {
    head: ["difference", main, "95 %", ""],
    rows: report.differences
      .filter(({ metric, places }) => metric === main && places === undefined)
      .map(({ of, to, value, low, high, decided }) => {
        const digits = digitsFor(((high ?? 0) - (low ?? 0)) / 2);
        const text = (number: number | null) => (number === null ? "–" : signed(number, digits));
        return [`${of} − ${to}`, text(value), `${text(low)} to ${text(high)}`, decided ? "" : "not decided"];
      }),
  };
}

function is(
  figure: Figure,
  system: string,
  metric: string,
  group: Figure["group"],
  places?: Figure["places"],
): boolean {
  const isOfThem = figure.places?.from === places?.from;
  return figure.system === system && figure.metric === metric && figure.group === group && isOfThem;
}

/** `.83 ± .05`. */
function cellOf(figure: Figure | undefined): string {
  if (!figure || figure.value === null) return "–";
  // One unit has no interval.
  if (figure.low === null || figure.high === null || figure.units === 1) return formatNumber(figure.value);
  return plusMinus(figure.value, (figure.high - figure.low) / 2);
}

/** Over which units the overall table's figures are. */
export function overallTitle({ longer, border, noun, units, length_of }: EvaluationReport): string {
  const some = longer > 0 && border > 0 ? { units: longer, border } : { units, border: 0 };
  return longerUnits({ ...some, noun, lengthOf: length_of });
}

/** An evaluation for a terminal: what and on what, figures, and what they come to. */
export function printEvaluation(report: EvaluationReport, columns: number): string {
  const positions = positionTable(report);
  const named = (title: string, table: Table) => [title, ...tableLines(table, columns)];
  const sections = [
    factLines(evaluationFacts(report), columns),
    ...(report.metrics.length === 0
      ? []
      : [
          named(`${overallTitle(report)}:`, overallTable(report)),
          named(`${report.metrics[0]?.name} by length:`, lengthTable(report)),
          ...(positions ? [named(`${report.metrics[0]?.name} by place:`, positions)] : []),
          ...(report.differences.length === 0 ? [] : [tableLines(differenceTable(report), columns)]),
        ]),
    [...report.notes, report.verdict].flatMap((sentence) => wrap(printable(sentence), columns)),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}
