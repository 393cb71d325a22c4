import { bootstrap, type Interval, LEAST_UNITS } from "./bootstrap.js";
import type { Figure } from "./tasks/job.js";

/** Units of some length. */
export interface Group {
  readonly id: GroupId;
  /** Tokens of the longest; undefined for no limit. */
  readonly upTo: number | undefined;
  /** Their places. */
  readonly units: readonly number[];
}

/** `all`, those `longer` than the source reads, and a range of lengths each. */
export type GroupId = "all" | "longer" | "length";

export interface ComparedFigure {
  /** Its place among the systems. */
  readonly system: number;
  /** Its place among the metrics. */
  readonly metric: number;
  readonly group: Group;
  readonly interval: Interval;
}

export interface Difference {
  readonly metric: number;
  readonly of: number;
  readonly to: number;
  readonly interval: Interval;
  /** Whether 0 lies outside of the interval, of enough units. */
  readonly isDecided: boolean;
}

/** How many ranges of lengths there are: up to the border, twice, four and eight times as long, and beyond. */
const RANGES = 4;

/**
 * Units by their lengths. @param border tokens that the source reads at once; 0: every unit is long
 */
export function groupsOf(lengths: readonly number[], border: number): Group[] {
  const places = (belongs: (length: number) => boolean) =>
    lengths.flatMap((length, place) => (belongs(length) ? [place] : []));
  const first = border || 512;
  const ends = Array.from({ length: RANGES }, (_, i) => first * 2 ** i);
  const ranges = [...ends, undefined].map((upTo, i): Group => {
    const above = ends[i - 1] ?? 0;
    return {
      ...{ id: "length", upTo },
      units: places((length) => length > above && length <= (upTo ?? Number.POSITIVE_INFINITY)),
    };
  });
  return [
    { id: "all", upTo: undefined, units: places(() => true) },
    { id: "longer", upTo: undefined, units: places((length) => length > border) },
    ...ranges.filter(({ units }) => units.length > 0),
  ];
}

/**
 * Figures of all systems in each group with their intervals, and the differences of each two on the longer ones, of the same samples.
 * @param figures of each system, the same metrics in the same order
 */
export function compare(
  figures: readonly (readonly Figure[])[],
  groups: readonly Group[],
  { units, seed }: { readonly units: number; readonly seed: number },
): { readonly figures: ComparedFigure[]; readonly differences: Difference[] } {
  const compared: ComparedFigure[] = [];
  const differences: Difference[] = [];
  for (const metric of (figures[0] ?? []).keys()) {
    const estimates = figures.map((all) => (all[metric] as Figure).estimate);
    for (const group of groups) {
      if (group.units.length === 0) continue;
      const drawn = bootstrap(estimates, group.units, { count: units, seed });
      drawn.values.forEach((interval, system) => {
        compared.push({ system, metric, group, interval });
      });
      if (group.id !== "longer") continue;
      for (let of = 0; of < figures.length; of++) {
        for (let to = 0; to < of; to++) {
          const interval = drawn.difference(of, to);
          const isDecided = group.units.length >= LEAST_UNITS && (interval.low > 0 || interval.high < 0);
          differences.push({ metric, of, to, interval, isDecided });
        }
      }
    }
  }
  return { figures: compared, differences };
}
