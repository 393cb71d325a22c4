import type { RelativeBias } from "../architectures/architecture.js";

/**
 * The bucket of a key that stands `offset` behind its query, or before it where that is negative: one for each of the
 * near distances, then wider and wider ones. Source: `MPNetEncoder.relative_position_bucket` of transformers, which is
 * T5's.
 */
export function relativeBucket(
  offset: number,
  { buckets, maxDistance }: Pick<RelativeBias, "buckets" | "maxDistance">,
): number {
  const side = buckets / 2;
  const exact = side / 2;
  const distance = Math.abs(offset);
  const wide = (Math.log(distance / exact) / Math.log(maxDistance / exact)) * (side - exact);
  const bucket = distance < exact ? distance : Math.min(side - 1, exact + Math.trunc(wide));
  return offset > 0 ? bucket + side : bucket;
}
