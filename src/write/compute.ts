import type { Generator, Rows, Segment, Term } from "../plan/types.js";
import { seededNormal, seededUniform } from "../random.js";
import type { FloatDtype } from "../safetensors/dtype.js";
import { encodeFloats, type Floats } from "../safetensors/floats.js";
import type { WeightReader } from "./weight-reader.js";

/** Word embeddings that a drawn row is made of; more change its distribution by less than the draw itself. */
const MAX_SAMPLED_ROWS = 4096;

/**
 * Computes the rows of a sum. Additions round to float32 one after the other, as PyTorch's do, unless the
 * result is float64; the result is rounded once more to its dtype.
 * @param rowLength elements in a row
 * @returns count × rowLength elements of `dtype`, little-endian
 */
export async function computeSum(
  { count, terms }: Extract<Segment, { kind: "sum" }>,
  rowLength: number,
  dtype: FloatDtype,
  reader: WeightReader,
): Promise<Buffer> {
  // Storing into a Float32Array is what rounds.
  const sum = dtype === "F64" ? new Float64Array(count * rowLength) : new Float32Array(count * rowLength);
  for (const term of terms) {
    const values = await termValues(term, count, rowLength, reader);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (values[i] ?? 0);
  }
  return encodeFloats(sum, dtype);
}

async function termValues(
  term: Term,
  count: number,
  rowLength: number,
  reader: WeightReader,
): Promise<Floats> {
  if (!isRows(term)) return generate(term, count, rowLength, reader);
  const values = new Float64Array(count * rowLength);
  let filled = 0;
  for (const rows of term) {
    const part = await reader.values(rows);
    values.set(part, filled);
    filled += part.length;
  }
  return values;
}

function isRows(term: Term): term is readonly Rows[] {
  return Array.isArray(term);
}

async function generate(
  generator: Generator,
  count: number,
  rowLength: number,
  reader: WeightReader,
): Promise<Floats> {
  const values = new Float64Array(count * rowLength);
  if (generator.kind === "constant") return values.fill(generator.value);
  if (generator.kind === "normal of rows") return drawLikeRows(generator, count, rowLength, reader);
  const normal = seededNormal(generator.seed);
  for (let i = 0; i < values.length; i++) values[i] = generator.standardDeviation * normal();
  return values;
}

/**
 * Draws rows from the normal distribution with the mean and covariance of a tensor's rows. With centred
 * rows X (n × d) and g ~ N(0, Iₙ), Xᵀg/√(n−1) has exactly the covariance XᵀX/(n−1): no d × d matrix is
 * formed or factorised, and a vocabulary with fewer words than dimensions is no special case.
 */
async function drawLikeRows(
  { tensor, seed }: Extract<Generator, { kind: "normal of rows" }>,
  count: number,
  rowLength: number,
  reader: WeightReader,
): Promise<Floats> {
  const sampled = sampleIndices(reader.rowCount(tensor), seed);
  const mean = new Float64Array(rowLength);
  const rows: Floats[] = [];
  for (const start of sampled) {
    const row = await reader.values({ tensor, start, count: 1, step: 1 });
    for (let i = 0; i < rowLength; i++) mean[i]! += row[i]! / sampled.length;
    rows.push(row);
  }
  const values = new Float64Array(count * rowLength);
  const normal = seededNormal(seed);
  const scale = 1 / Math.sqrt(Math.max(1, rows.length - 1));
  for (let at = 0; at < values.length; at += rowLength) {
    values.set(mean, at);
    for (const row of rows) {
      const weight = scale * normal();
      for (let i = 0; i < rowLength; i++) values[at + i]! += weight * (row[i]! - mean[i]!);
    }
  }
  return values;
}

/** All indices below `count`, or so many of them, evenly spread from a random start. */
function sampleIndices(count: number, seed: number): number[] {
  const sampled = Math.min(count, MAX_SAMPLED_ROWS);
  const start = sampled < count ? seededUniform(seed)() : 0;
  return Array.from({ length: sampled }, (_, i) =>
    Math.min(count - 1, Math.floor(((i + start) * count) / sampled)),
  );
}
