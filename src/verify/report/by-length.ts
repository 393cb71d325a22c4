import { formatAgainst, formatNumber } from "../../report/numbers.js";
import type { Table } from "../../report/table.js";
import type { DifferenceAt } from "../check.js";
import type { CostAt } from "./report-schema.js";

/** Whether a difference is more than was promised. What is not a number is more than anything. */
export function isOver({ difference, tolerance }: DifferenceAt): boolean {
  return tolerance !== undefined && !(difference <= tolerance);
}

export function byLength<T extends { readonly length: number }>(points: readonly T[]): T[] {
  return [...points].sort((a, b) => a.length - b.length);
}

/**
 * At most `most` of the points, from the shortest to the longest: the worst of each group of neighbours, so
 * that a short table or picture does not hide what is bad.
 * @param badness the larger, the worse; what is not a number is worst
 */
export function worstOfEach<T extends { readonly length: number }>(
  points: readonly T[],
  most: number,
  badness: (point: T) => number,
): T[] {
  const size = Math.ceil(points.length / most);
  const rank = (point: T) => (Number.isNaN(badness(point)) ? Number.POSITIVE_INFINITY : badness(point));
  const sorted = byLength(points);
  const groups = Array.from({ length: Math.ceil(sorted.length / Math.max(size, 1)) }, (_, i) =>
    sorted.slice(i * size, (i + 1) * size),
  );
  return groups.map((group) => group.reduce((worst, point) => (rank(point) > rank(worst) ? point : worst)));
}

export function differenceTable(differences: readonly DifferenceAt[]): Table {
  return {
    head: ["tokens", "largest difference", "at most"],
    rows: byLength(differences).map(({ length, difference, tolerance }) =>
      tolerance === undefined
        ? [formatNumber(length), formatNumber(difference), "not promised"]
        : [formatNumber(length), formatAgainst(difference, tolerance), formatNumber(tolerance)],
    ),
  };
}

export function costTable(costs: readonly CostAt[]): Table {
  return {
    head: ["tokens", "seconds", "memory in MB"],
    rows: byLength(costs).map((cost) =>
      [cost.length, cost.seconds, cost.megabytes].map((x) => formatNumber(x)),
    ),
  };
}
