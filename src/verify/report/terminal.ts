import { styleText } from "node:util";
import { largestOf } from "../../base/extremes.js";
import { printable } from "../../base/printable.js";
import type { Table } from "../../report/table.js";
import { columnLines, columnWidths, pad, textWidth, wrap } from "../../report/text.js";
import type { Check, Verdict } from "../check.js";
import { VERDICTS } from "../verdict.js";
import { costTable, differenceTable, worstOfEach } from "./by-length.js";
import type { VerificationReport } from "./report-schema.js";
import { facts, type ReportHead, SHOWN_AS, tally, VERDICT_WORDS } from "./wording.js";

export interface TerminalStyle {
  readonly colours: boolean;
  readonly columns: number;
}

/** For a stream that is not a terminal: a log, a pipe. */
const DEFAULT_COLUMNS = 100;

/** A damaged folder can have as many findings as tensors. `--json` and `--report` show them all. */
const MAX_FINDINGS = 8;

/** Lengths in a table on a terminal. */
const MAX_LENGTHS = 12;

const MARK_COLUMNS = 6;
const TITLE_COLUMNS = 36;
/** Where fewer columns than this are left for it, the detail stands below its title. */
const MIN_DETAIL_COLUMNS = 30;

const COLOURS = {
  pass: "green",
  fail: "red",
  stated: "cyan",
  skipped: "yellow",
} as const satisfies Record<Verdict, string>;

/** Colours where the stream is a terminal that has them and nobody asked for none (no-color.org). */
export function terminalStyle(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): TerminalStyle {
  return {
    colours: stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb",
    columns: stream.columns || DEFAULT_COLUMNS,
  };
}

/** What is verified, against what and on which device: what stands before the first check, an empty line last. */
export function header(head: ReportHead, style: TerminalStyle): string {
  return `${factLines(facts(head), style.columns).join("\n")}\n`;
}

/** Names with their values beside them. */
export function factLines(
  all: readonly (readonly [name: string, value: string])[],
  columns: number,
): string[] {
  const names = largestOf(all.map(([name]) => name.length)) + 2;
  return all.flatMap(([name, value]) => {
    const [first = "", ...rest] = wrap(printable(value), columns - names);
    return [pad(name, names) + first, ...indent(rest, names)];
  });
}

/** One check as it ends: verdict, title, detail; below it what was found, what to do, and its table. */
export function checkLine(check: Check, style: TerminalStyle): string {
  const below = style.columns - MARK_COLUMNS;
  const findings = check.findings ?? [];
  const shown = findings.slice(0, MAX_FINDINGS).flatMap((finding) => bullet(finding, below));
  const more = findings.length > MAX_FINDINGS ? [`and ${findings.length - MAX_FINDINGS} more`] : [];
  const remedy = check.remedy === undefined ? [] : wrap(`To do: ${printable(check.remedy)}`, below);
  const table = check.table ? tableLines(check.table, below) : [];
  return [
    ...titleLines(check, style),
    ...indent([...shown, ...more, ...remedy, ...table], MARK_COLUMNS),
  ].join("\n");
}

/** What stands after the checks: an empty line, figures by length, how many ended how, and last the verdict. */
export function printReport(report: VerificationReport, style: TerminalStyle): string {
  const { checks, differences, costs, verdict, summary } = report;
  const worst = worstOfEach(differences, MAX_LENGTHS, (at) => at.difference);
  const slowest = worstOfEach(costs, MAX_LENGTHS, (at) => at.seconds);
  const [words, shownAs] = [VERDICTS[verdict].words, SHOWN_AS[verdict]];
  const mark = `${coloured(words, shownAs, style)}  `;
  const [first = "", ...rest] = wrap(printable(summary), style.columns - words.length - 2);
  const sections = [
    lengthTable(differenceTable(worst), differences.length, style),
    lengthTable(costTable(slowest), costs.length, style),
    [`${checks.length} ${checks.length === 1 ? "check" : "checks"}: ${tally(checks)}`],
    [mark + first, ...indent(rest, words.length + 2)],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `\n${lines.join("\n")}`)
    .join("\n");
}

/** Figures by length; where some are left out, it says so. */
function lengthTable(table: Table, lengths: number, { columns }: TerminalStyle): string[] {
  const shown = table.rows.length;
  if (shown === 0) return [];
  const note = `(${shown} of ${lengths} lengths: of neighbours the one with the largest figure)`;
  return [...tableLines(table, columns), ...(shown < lengths ? wrap(note, columns) : [])];
}

function titleLines({ verdict, title, detail }: Check, style: TerminalStyle): string[] {
  const mark = `${coloured(VERDICT_WORDS[verdict], verdict, style)}  `;
  const name = printable(title);
  const start = MARK_COLUMNS + TITLE_COLUMNS;
  const stacked = textWidth(name) > TITLE_COLUMNS - 2 || style.columns - start < MIN_DETAIL_COLUMNS;
  const text = printable(detail);
  if (stacked) return [mark + name, ...indent(wrap(text, style.columns - MARK_COLUMNS), MARK_COLUMNS)];
  const [first = "", ...rest] = wrap(text, style.columns - start);
  return [mark + pad(name, TITLE_COLUMNS) + first, ...indent(rest, start)];
}

function bullet(text: string, columns: number): string[] {
  const [first = "", ...rest] = wrap(printable(text), columns - 2);
  return [`- ${first}`, ...indent(rest, 2)];
}

/** A table in columns; where it is too wide, the widest columns are cut. */
export function tableLines({ head, rows }: Table, columns: number): string[] {
  const lines = [head, ...rows].map((row) => row.map(printable));
  const widths = columnWidths(lines);
  const gaps = 2 * (widths.length - 1);
  while (widths.reduce((sum, width) => sum + width, gaps) > columns) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest] === 1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  const [headLine = [], ...others] = lines;
  const rule = widths.map((width) => "-".repeat(width));
  return columnLines([headLine, rule, ...others], widths);
}

function indent(lines: readonly string[], columns: number): string[] {
  return lines.map((line) => " ".repeat(columns) + line);
}

function coloured(text: string, verdict: Verdict, { colours }: TerminalStyle): string {
  // The style has decided; styleText itself would look at stdout, and text for people may go to stderr.
  return colours ? styleText(["bold", COLOURS[verdict]], text, { validateStream: false }) : text;
}
