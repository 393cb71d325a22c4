import type { RelativeBias } from "../../src/architectures/architecture.js";
import { relativeBucket } from "../../src/attention/relative-bucket.js";
import type { AttentionProblem } from "../../src/verify/definition/attention-problem.js";
import { HEADS, noise } from "./attention-cases.js";

/** MPNet's. */
export const RELATIVE = {
  kind: "buckets",
  table: "encoder.relative_attention_bias",
  rows: ["relative_attention_num_buckets", 32],
  buckets: 32,
  maxDistance: 128,
} as const;

/** The problem with random biases by distance, times `scale`. */
export function biased(problem: AttentionProblem, relative: RelativeBias, scale = 1) {
  const { numHeads } = HEADS;
  const table = noise(5, relative.buckets * numHeads).map((x) => scale * x);
  const bias = (head: number, offset: number) =>
    table[relativeBucket(offset, relative) * numHeads + head] ?? Number.NaN;
  return { ...problem, table, bias };
}
