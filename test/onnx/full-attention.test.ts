import { describe, expect, it } from "vitest";
import type { AttentionProblem } from "../../src/verify/definition/attention-problem.js";
import { fullAttentionByDefinition } from "../../src/verify/definition/full.js";
import { lsgAttentionByDefinition } from "../../src/verify/definition/lsg.js";
import {
  leftPadded,
  lsgConfig,
  openFull,
  problemOf,
  relativeError,
  rightPadded,
  run,
  SEED,
  TOLERANCE,
  WIDTH,
} from "./attention-cases.js";

const MASKS = (length: number) => [
  rightPadded(length, length),
  rightPadded(Math.ceil(length / 2), length),
  leftPadded(Math.ceil(length / 3), length),
];

/** The last `count` queries of every row, as with a cache of keys. */
function lastQueries(problem: AttentionProblem, count: number): AttentionProblem {
  const row = problem.query.length / problem.batch;
  const rows = Array.from({ length: problem.batch }, (_, i) =>
    Array.from(problem.query).slice((i + 1) * row - count * WIDTH, (i + 1) * row),
  );
  return { ...problem, query: rows.flat() };
}

describe.each([false, true])("full attention, causal %s", (causal) => {
  it("computes its definition at every length", async () => {
    const session = await openFull(causal);
    for (const length of [1, 2, 7, 16, 61]) {
      const problem = problemOf(MASKS(length), 0, length);
      const expected = fullAttentionByDefinition(problem, causal);
      expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(
        TOLERANCE,
      );
    }
  });

  it("takes fewer queries than keys: cross-attention, or the last ones behind a cache", async () => {
    const session = await openFull(causal);
    for (const count of [1, 3]) {
      const problem = lastQueries(problemOf(MASKS(9), 0), count);
      const expected = fullAttentionByDefinition(problem, causal);
      expect(relativeError(await run(session, problem), expected), `${count} queries`).toBeLessThan(
        TOLERANCE,
      );
    }
  });
});

describe("an LSG model whose first token is global", () => {
  it.each([false, true])("computes full attention up to two blocks (causal %s)", (causal) => {
    const config = lsgConfig({ first_token_is_global: true, block_size: 6 });
    for (let length = 1; length <= 12; length++) {
      const problem = problemOf(MASKS(length), 0, length);
      const lossless = lsgAttentionByDefinition(problem, { config, causal, seed: SEED });
      const full = fullAttentionByDefinition(problem, causal);
      // Token 0 may see itself alone, where it is padding and the other form gives it no answer.
      const compared = lossless.map((x, i) => (Number.isNaN(full[i] ?? 0) ? 0 : x));
      expect(relativeError(compared, full), `length ${length}`).toBeLessThan(1e-12);
    }
  });
});
