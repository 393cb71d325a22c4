import { performance } from "node:perf_hooks";
import type { Outcome } from "../attempt.js";
import type { CostAt } from "../types.js";
import { makeBatch } from "./batch.js";
import type { Subject } from "./subject.js";

/** Where time and memory are measured first; then at twice as many tokens, up to the longest input. */
const FIRST_LENGTH = 512;

/** Measures one input of each length, the second run of two: the first one allocates. */
export async function measureCost({ converted, inputs, lengths, seed, signal }: Subject): Promise<{
  outcome: Outcome;
  costs: CostAt[];
}> {
  const { longest } = converted;
  const costs: CostAt[] = [];
  for (const length of lengths?.filter((one) => one <= longest) ?? doubled(longest)) {
    signal?.throwIfAborted();
    const batch = makeBatch([inputs.random(length, seed)], inputs.padId);
    await converted.hidden(batch);
    const begin = performance.now();
    await converted.hidden(batch);
    const seconds = (performance.now() - begin) / 1000;
    costs.push({ length, seconds, megabytes: process.memoryUsage.rss() / 1e6 });
  }
  const detail = costs.map(({ length, seconds, megabytes }) => {
    return `${length} tokens ${seconds.toFixed(2)} s, ${megabytes.toFixed(0)} MB`;
  });
  return { outcome: { verdict: "stated", detail: detail.join("; ") }, costs };
}

function doubled(longest: number): number[] {
  const lengths: number[] = [];
  for (let length = Math.min(FIRST_LENGTH, longest); length < longest; length *= 2) lengths.push(length);
  return [...lengths, longest];
}
