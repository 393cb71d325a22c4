import { counted } from "../report/numbers.js";
import { LEAST_UNITS } from "./bootstrap.js";
import type { Difference } from "./compare.js";
import { plusMinus } from "./interval-text.js";

export interface VerdictInput {
  /** Names of the systems that are compared, and their main figures over the longer units. */
  readonly systems: readonly { readonly name: string; readonly value: number }[];
  /** Of the main metric: each two once. */
  readonly differences: readonly Pick<Difference, "of" | "to" | "interval" | "isDecided">[];
  readonly better: "higher" | "lower";
  readonly unit?: string | undefined;
  readonly metric: string;
  /** Units that are longer than the source reads. */
  readonly units: number;
  readonly noun: string;
  /** What of it has a length, where that is not itself. */
  readonly lengthOf?: string | undefined;
  /** Tokens that the source reads; 0 where there is none, and all units count. */
  readonly border: number;
}

/** The way to read that needs no tool: what others are held against. */
const BASELINE = "cut";

/**
 * What the figures come to, in one sentence: the best way against cutting, then the others against the best. Each part says
 * no more than its paired interval: where that holds 0, two ways do not differ.
 */
export function verdictSentence(input: VerdictInput): string {
  const { systems, metric, units } = input;
  const which = longerUnits(input);
  if (units < LEAST_UNITS) {
    return `There ${units === 1 ? "is" : "are"} only ${which}: too few to tell the ways apart.`;
  }
  const best = bestOf(input);
  const baseline = systems.findIndex(({ name }) => name === BASELINE);
  const others = systems.flatMap((_, i) => (i === best || i === baseline ? [] : [i]));
  const clauses = [
    ...(baseline < 0 ? [] : [againstBaseline(input, best, baseline)]),
    ...others.map((other) => againstBest(input, other, best)),
  ];
  return `On ${which}, by ${metric}: ${clauses.join("; ")}.`;
}

/** "143 documents of more than 512 tokens", "20 queries with documents of more than 512 tokens". */
export function longerUnits({ units, noun, lengthOf = "", border }: LongerUnits): string {
  const counting = [
    counted(units, noun),
    ...(border === 0 ? [] : [lengthOf, `of more than ${border} tokens`]),
  ];
  return counting.filter((part) => part !== "").join(" ");
}

type LongerUnits = Pick<VerdictInput, "units" | "noun" | "lengthOf" | "border">;

function againstBaseline(input: VerdictInput, best: number, baseline: number): string {
  if (best === baseline) return "nothing beats cutting";
  const { lead, isDecided, text } = leadOf(input, best, baseline);
  const subject = nameIn(input, best);
  if (isDecided && lead > 0) return `${subject} ${plural(input, best) ? "beat" : "beats"} cutting by ${text}`;
  return `${subject} ${plural(input, best) ? "do" : "does"} not differ from cutting (${lead < 0 ? "−" : "+"}${text})`;
}

function againstBest(input: VerdictInput, other: number, best: number): string {
  const { lead, isDecided, text } = leadOf(input, best, other);
  const subject = nameIn(input, other);
  const object = input.systems[best]?.name === BASELINE ? "cutting" : nameIn(input, best);
  if (isDecided && lead > 0) {
    return `${subject} ${plural(input, other) ? "are" : "is"} worse than ${object} by ${text}`;
  }
  return `${subject} ${plural(input, other) ? "do" : "does"} not differ from ${object} (${lead > 0 ? "−" : "+"}${text})`;
}

/** How far one is ahead of another, positive for better, and that with half of its interval. */
function leadOf({ differences, better, unit }: VerdictInput, of: number, to: number) {
  const found = differences.find((one) => one.of === of && one.to === to);
  const swapped = differences.find((one) => one.of === to && one.to === of);
  const difference = found ?? swapped;
  if (!difference) throw new Error("two systems have no difference");
  const { value, low, high } = difference.interval;
  const sign = (found ? 1 : -1) * (better === "higher" ? 1 : -1);
  const lead = sign * value;
  const half = (high - low) / 2;
  return {
    lead,
    isDecided: difference.isDecided,
    text: `${plusMinus(Math.abs(lead), half)}${unit === undefined ? "" : ` ${unit}`}`,
  };
}

function bestOf({ systems, better }: VerdictInput): number {
  const rank = (value: number) =>
    Number.isNaN(value) ? Number.NEGATIVE_INFINITY : better === "higher" ? value : -value;
  return systems.reduce(
    (best, { value }, i) => (rank(value) > rank(systems[best]?.value ?? Number.NaN) ? i : best),
    0,
  );
}

function nameIn({ systems }: VerdictInput, i: number): string {
  return systems[i]?.name ?? "";
}

/** "windows beat", "lsg beats". */
function plural(input: VerdictInput, i: number): boolean {
  return /(windows|chunks)$/.test(nameIn(input, i));
}
