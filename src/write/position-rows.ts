import type { Rows } from "../checkpoint/rows.js";
import type { WeightReader } from "../checkpoint/weight-reader.js";
import type { Generator } from "../plan/types.js";
import type { Floats } from "../safetensors/floats.js";

type Of<Kind extends Generator["kind"]> = Extract<Generator, { kind: Kind }>;

/**
 * The first row stays the first; row p of `total` lies at 1 + (p − 1) (rows − 2) / (total − 2) of the tensor's, between two
 * of them: position interpolation (Chen et al. 2023) of a table.
 */
export function interpolate(
  { rows, total }: Of<"interpolated rows">,
  rowLength: number,
  reader: WeightReader,
) {
  const last = rows.count - 1;
  const placeOf = (row: number) => (row === 0 ? 0 : 1 + ((row - 1) * (last - 1)) / (total - 2));
  const lowerOf = (row: number) => Math.min(last - 1, Math.floor(placeOf(row)));
  let done = 0;
  return async (count: number): Promise<Floats> => {
    const first = lowerOf(done);
    const read = { ...rows, start: rows.start + first, count: lowerOf(done + count - 1) + 2 - first };
    const own = await reader.values(read);
    const values = new Float64Array(count * rowLength);
    for (let i = 0; i < count; i++) {
      const lower = lowerOf(done + i);
      const part = placeOf(done + i) - lower;
      const at = (lower - first) * rowLength;
      for (let d = 0; d < rowLength; d++) {
        values[i * rowLength + d] = (1 - part) * own[at + d]! + part * own[at + rowLength + d]!;
      }
    }
    done += count;
    return values;
  };
}

/** Rows that are compared with those a period before them: an eighth, or these. */
const MAX_COMPARED = 64;

/** Rows that are read at a time. */
const BLOCK = 256;

/**
 * Rows that go on where a tensor ends: its last T, again and again. T is the period, of half of the rows at least, for which
 * the cosines of the last rows and those T before them, less the mean of all, have the largest sum.
 * @returns `total` of them, or more
 */
export async function rowsInPhase(
  { rows, skipped, total }: Of<"rows in phase">,
  rowLength: number,
  reader: WeightReader,
): Promise<Rows[]> {
  const blocks = Array.from({ length: Math.ceil(rows.count / BLOCK) }, (_, i) => ({
    first: i * BLOCK,
    part: { ...rows, start: rows.start + i * BLOCK, count: Math.min(BLOCK, rows.count - i * BLOCK) },
  }));
  const mean = new Float64Array(rowLength);
  for (const { part } of blocks) {
    const values = await reader.values(part);
    for (let i = 0; i < values.length; i++) mean[i % rowLength]! += values[i]! / rows.count;
  }
  const directions = async (part: Rows) => {
    const values = Float64Array.from(await reader.values(part), (x, i) => x - mean[i % rowLength]!);
    return Array.from({ length: part.count }, (_, i) =>
      toLengthOne(values.subarray(i * rowLength, (i + 1) * rowLength)),
    );
  };
  const compared = Math.max(1, Math.min(MAX_COMPARED, Math.floor(rows.count / 8)));
  const firstCompared = rows.count - compared;
  const ends = await directions({ ...rows, start: rows.start + firstCompared, count: compared });
  const shortest = Math.ceil(rows.count / 2);
  const likeness = new Float64Array(firstCompared - shortest + 1);
  for (const { first, part } of blocks) {
    for (const [i, direction] of (await directions(part)).entries()) {
      for (const [j, end] of ends.entries()) {
        const period = firstCompared + j - (first + i);
        if (period >= shortest && period <= firstCompared)
          likeness[period - shortest]! += dot(end, direction);
      }
    }
  }
  const period = shortest + likeness.indexOf(Math.max(...likeness));
  const cycle = { ...rows, start: rows.start + rows.count - period, count: period };
  const begun = skipped % period;
  return [
    { ...cycle, start: cycle.start + begun, count: period - begun },
    ...Array<Rows>(Math.ceil(total / period)).fill(cycle),
  ];
}

function toLengthOne(x: Float64Array): Float64Array {
  const length = Math.sqrt(dot(x, x));
  return length === 0 ? x : x.map((value) => value / length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
