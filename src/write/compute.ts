import { seededNormal, seededUniform } from "../base/random.js";
import { sinusoidRow } from "../base/sinusoids.js";
import { type Rows, type Run, sliceRows } from "../checkpoint/rows.js";
import type { WeightReader } from "../checkpoint/weight-reader.js";
import type { Generator, Segment, Term } from "../plan/types.js";
import type { FloatDtype } from "../safetensors/dtype.js";
import { encodeFloats, type Floats } from "../safetensors/floats.js";
import { interpolate, rowsInPhase } from "./position-rows.js";

/** Word embeddings that a drawn row is made of; more change its distribution by less than the draw itself. */
const MAX_SAMPLED_ROWS = 4096;
/** They are held in memory; wide models take fewer. */
const MAX_SAMPLED_BYTES = 16 << 20;

/** Bytes of float64 in which sums are computed at a time. */
const BLOCK_BYTES = 2 << 20;

/** Gives the next `count` rows of a term. */
type TermReader = (count: number) => Promise<Floats>;

/**
 * Computes the rows of a sum, a block at a time. Additions round to float32 one after the other, as
 * PyTorch's do, unless the result is float64; the result is rounded once more to its dtype.
 * @param rowLength elements in a row
 * @returns count × rowLength elements of `dtype` in all, little-endian
 */
export async function* computeSum(
  { count, terms }: Extract<Segment, { kind: "sum" }>,
  rowLength: number,
  dtype: FloatDtype,
  reader: WeightReader,
): AsyncGenerator<Buffer> {
  const readers = await Promise.all(terms.map((term) => openTerm(term, rowLength, reader)));
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / (8 * rowLength)));
  for (let done = 0; done < count; done += perBlock) {
    const rows = Math.min(perBlock, count - done);
    // Storing into a Float32Array is what rounds.
    const sum = dtype === "F64" ? new Float64Array(rows * rowLength) : new Float32Array(rows * rowLength);
    for (const read of readers) {
      const values = await read(rows);
      for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
    }
    yield encodeFloats(sum, dtype);
  }
}

async function openTerm(term: Term, rowLength: number, reader: WeightReader): Promise<TermReader> {
  if (!isRows(term)) return openGenerator(term, rowLength, reader);
  let read = 0;
  return async (count) => {
    const runs = sliceRows(term, read, count);
    read += count;
    const [only] = runs;
    if (only && runs.length === 1) return reader.values(only);
    const values = new Float64Array(count * rowLength);
    let filled = 0;
    for (const rows of runs) {
      const part = await reader.values(rows);
      values.set(part, filled);
      filled += part.length;
    }
    return values;
  };
}

function isRows(term: Term): term is readonly Rows[] {
  return Array.isArray(term);
}

async function openGenerator(
  generator: Generator,
  rowLength: number,
  reader: WeightReader,
): Promise<TermReader> {
  switch (generator.kind) {
    case "constant":
      return async (count) => new Float64Array(count * rowLength).fill(generator.value);
    case "normal": {
      const normal = seededNormal(generator.seed);
      return async (count) =>
        Float64Array.from({ length: count * rowLength }, () => generator.standardDeviation * normal());
    }
    case "normal of rows":
      return drawLikeRows(generator, rowLength, reader);
    case "interpolated rows":
      return interpolate(generator, rowLength, reader);
    case "rows in phase":
      return openTerm(await rowsInPhase(generator, rowLength, reader), rowLength, reader);
    case "sinusoids":
      return readSinusoids(generator.positions, rowLength);
  }
}

function readSinusoids(positions: readonly Run[], rowLength: number): TermReader {
  let read = 0;
  return async (count) => {
    const values = new Float64Array(count * rowLength);
    let row = 0;
    for (const run of sliceRows(positions, read, count)) {
      for (let i = 0; i < run.count; i++, row++) {
        values.set(sinusoidRow(run.start + i * run.step, rowLength), row * rowLength);
      }
    }
    read += count;
    return values;
  };
}

/**
 * Draws rows from the normal distribution with the mean and covariance of a tensor's rows. With centred
 * rows X (n × d) and g ~ N(0, Iₙ), Xᵀg/√(n−1) has exactly the covariance XᵀX/(n−1): no d × d matrix is
 * formed or factorised, and a vocabulary with fewer words than dimensions is not a special case.
 */
async function drawLikeRows(
  { tensor, seed }: Extract<Generator, { kind: "normal of rows" }>,
  rowLength: number,
  reader: WeightReader,
): Promise<TermReader> {
  const limit = Math.min(MAX_SAMPLED_ROWS, Math.floor(MAX_SAMPLED_BYTES / (8 * rowLength)));
  const sampled = sampleIndices(reader.rowCount(tensor), limit, seed);
  const mean = new Float64Array(rowLength);
  const rows: Floats[] = [];
  for (const start of sampled) {
    const row = await reader.values({ tensor, start, count: 1, step: 1 });
    for (let i = 0; i < rowLength; i++) mean[i]! += row[i]! / sampled.length;
    rows.push(row);
  }
  const normal = seededNormal(seed);
  const scale = 1 / Math.sqrt(Math.max(1, rows.length - 1));
  return async (count) => {
    const values = new Float64Array(count * rowLength);
    for (let at = 0; at < values.length; at += rowLength) {
      values.set(mean, at);
      for (const row of rows) {
        const weight = scale * normal();
        for (let i = 0; i < rowLength; i++) values[at + i]! += weight * (row[i]! - mean[i]!);
      }
    }
    return values;
  };
}

/** All indices below `count`, or `limit` of them, evenly spread from a random start. */
function sampleIndices(count: number, limit: number, seed: number): number[] {
  const sampled = Math.min(count, limit);
  const start = sampled < count ? seededUniform(seed)() : 0;
  return Array.from({ length: sampled }, (_, i) =>
    Math.min(count - 1, Math.floor(((i + start) * count) / sampled)),
  );
}
