import { packageInfo } from "../base/package.js";
import { counted } from "../report/numbers.js";
import type { Interval } from "./bootstrap.js";
import { type ComparedFigure, compare, type Difference, groupsOf } from "./compare.js";
import type { EvaluationReport } from "./report-schema.js";
import type { RunRecords, SystemRecords } from "./run.js";
import type { System } from "./systems.js";
import type { Figure, Job } from "./tasks/job.js";
import { verdictSentence } from "./verdict.js";

export interface ReportContext {
  readonly data: string;
  readonly device: string;
  readonly seed: number;
  readonly notes: readonly string[];
}

/**
 * Scores what the systems made of the items and compares them.
 */
export function reportOn(
  job: Job,
  systems: readonly System[],
  { systems: records, reference: standard }: RunRecords,
  { data, device, seed, notes }: ReportContext,
): EvaluationReport {
  const lengths = job.units.map((items) => Math.max(0, ...items.map((item) => lengthOf(records, item))));
  const border = Math.max(0, ...systems.filter(({ isSource }) => isSource).map(({ maxLength }) => maxLength));
  const groups = groupsOf(lengths, border);
  const longer = groups.find(({ id }) => id === "longer")?.units.length ?? 0;
  const reference = job.isRelative ? referenceOf(systems) : undefined;
  const outcomes = records.map((all) => all.map(({ outcome }) => outcome));
  const rivals = systems.flatMap((_, i) => (i === reference ? [] : [i]));
  const figures = rivals.map((i): Figure[] =>
    job.score(
      outcomes[i] ?? [],
      reference === undefined ? standard?.map(({ outcome }) => outcome) : outcomes[reference],
    ),
  );
  const compared = compare(figures, groups, { units: lengths.length, seed });
  const metrics = figures[0] ?? [];
  const [main] = metrics;
  const name = (i: number) => systems[rivals[i] ?? -1]?.name ?? "";
  const named = (metric: number) => {
    const { name, places } = nameOf(metrics[metric] as Figure);
    return { metric: name, ...(places && { places }) };
  };
  return {
    format_version: 1,
    lsg_version: packageInfo().version,
    task: job.title,
    ...{
      data,
      noun: job.noun,
      length_of: job.lengthOf ?? "",
      units: lengths.length,
      items: job.items.length,
      border,
      longer,
      seed,
      device,
    },
    systems: systems.map((system, i) => systemFacts(system, records[i] ?? [], i === reference)),
    metrics: metrics.map(({ better, unit, ...metric }) => ({
      ...nameOf(metric),
      better,
      ...(unit !== undefined && { unit }),
    })),
    figures: compared.figures.map(({ system, metric, group, interval }) => ({
      system: name(system),
      ...named(metric),
      ...{ group: group.id, up_to: group.upTo ?? null },
      units: group.units.length,
      ...finite(interval),
    })),
    differences: compared.differences.map(({ metric, of, to, interval, isDecided }) => ({
      ...named(metric),
      ...{ of: name(of), to: name(to), ...finite(interval), decided: isDecided },
    })),
    ...verdictOn({ job, rivals, name, main, compared, longer, border }),
    notes: [...notes, ...cutNotes(systems, records)],
  };
}

/** The main metric is the first. */
const MAIN = 0;

/** As the report names a metric. */
function nameOf({ name, places }: Pick<Figure, "name" | "places">) {
  return { name, ...(places && { places: { from: places.from, to: places.to ?? null } }) };
}

interface Judged {
  readonly job: Job;
  readonly rivals: readonly number[];
  readonly name: (rival: number) => string;
  readonly main: Figure | undefined;
  readonly compared: {
    readonly figures: readonly ComparedFigure[];
    readonly differences: readonly Difference[];
  };
  readonly longer: number;
  readonly border: number;
}

/** The sentence at the end, and whether there was anything to compare. */
function verdictOn({ job, rivals, name, main, compared, longer, border }: Judged): {
  verdict: string;
  compared: boolean;
} {
  if (rivals.length < 2) {
    const only = rivals.length === 1 ? `only ${name(0)} was measured` : "nothing was measured";
    return { compared: false, verdict: `Nothing was compared: ${only}.` };
  }
  if (!main || longer === 0) {
    const what = [`no ${job.noun}`, job.lengthOf ?? "", `of more than ${border} tokens`]
      .filter(Boolean)
      .join(" ");
    const why = `there is ${what}, and up to there the source reads all`;
    return { compared: false, verdict: `Nothing was compared: ${why}.` };
  }
  const ofMain = <T extends { readonly metric: number }>(all: readonly T[]) =>
    all.filter(({ metric }) => metric === MAIN);
  const values = ofMain(compared.figures).filter(({ group }) => group.id === "longer");
  const verdict = verdictSentence({
    systems: rivals.map((_, i) => ({
      name: name(i),
      value: values.find(({ system }) => system === i)?.interval.value ?? Number.NaN,
    })),
    differences: ofMain(compared.differences),
    ...{ better: main.better, unit: main.unit, metric: main.name, units: longer, border },
    ...{ noun: job.noun, lengthOf: job.lengthOf },
  });
  return { compared: true, verdict };
}

/** Windows of the source where there are any: of untrained ways the one that came nearest to what is right. */
function referenceOf(systems: readonly System[]): number {
  const windows = systems.findIndex(({ isSource, reading }) => isSource && reading === "windows");
  return Math.max(0, windows);
}

/** Tokens of an item, as the system says that is listed first: a source, if there is one. */
function lengthOf(records: readonly SystemRecords[], item: number): number {
  return records[0]?.[item]?.tokens ?? 0;
}

function systemFacts(
  { name, model, reading, isSource, variant, dtype, maxLength }: System,
  records: SystemRecords,
  isReference: boolean,
): EvaluationReport["systems"][number] {
  // Equal items are asked for once.
  const asked = [...new Map(records.map((record) => [record.item, record])).values()];
  const seconds = asked.reduce((sum, record) => sum + record.seconds, 0);
  const tokens = asked.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    ...{ name, model, reading: isSource ? reading : "whole", variant, dtype, max_length: maxLength },
    ...{ seconds, tokens_per_second: seconds > 0 ? tokens / seconds : 0 },
    cut_items: asked.filter(({ tokens, read }) => read < tokens).length,
    is_reference: isReference,
  };
}

/** Of converted models: whole documents were promised. */
function cutNotes(systems: readonly System[], records: readonly SystemRecords[]): string[] {
  return systems.flatMap(({ name, isSource, maxLength }, i) => {
    const cut = (records[i] ?? []).filter(({ tokens, read }) => read < tokens).length;
    if (isSource || cut === 0) return [];
    return [`${name} reads ${maxLength} tokens: ${counted(cut, "text")} that are longer were cut.`];
  });
}

function finite({ value, low, high }: Interval): {
  value: number | null;
  low: number | null;
  high: number | null;
} {
  const or = (number: number) => (Number.isFinite(number) ? number : null);
  return { value: or(value), low: or(low), high: or(high) };
}
