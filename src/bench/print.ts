import { printable } from "../base/printable.js";
import { wrap } from "../report/text.js";
import { factLines, tableLines } from "../verify/report/terminal.js";
import type { BenchReport } from "./types.js";
import { benchFacts, benchSentences, benchTable } from "./wording.js";

/** A measurement for a terminal: what and where, figures, and what they come to. */
export function printBench(report: BenchReport, columns: number): string {
  const sections = [
    factLines(benchFacts(report), columns),
    tableLines(benchTable(report), columns),
    benchSentences(report).flatMap((sentence) => wrap(printable(sentence), columns)),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}
