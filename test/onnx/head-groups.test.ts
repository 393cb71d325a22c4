import { describe, expect, it } from "vitest";
import { SPARSITY_TYPES } from "../../src/attention/lsg-config.js";
import type { Heads } from "../../src/onnx/functions/attend.js";
import { headGroups } from "../../src/onnx/functions/head-groups.js";
import { prependedTokens } from "../../src/onnx/functions/lsg-inputs.js";
import {
  type LongformerDefinition,
  longformerAttentionByDefinition,
} from "../../src/verify/definition/longformer.js";
import { lsgAttentionByDefinition } from "../../src/verify/definition/lsg.js";
import {
  HEADS,
  lsgConfig,
  openLsg,
  problemOf,
  raggedMasks,
  relativeError,
  run,
  SEED,
  TOLERANCE,
  WIDTH,
} from "./attention-cases.js";
import { longformerProblem, openLongformer, runLongformer } from "./longformer-cases.js";
import { biased, RELATIVE } from "./relative-cases.js";

it.each([
  { heads: 6, columns: 784, sizes: [1, 1, 1, 1, 1, 1] },
  { heads: 7, columns: 784, sizes: [2, 2, 2, 1] },
  { heads: 12, columns: 784, sizes: [2, 2, 2, 2, 2, 2] },
  { heads: 13, columns: 784, sizes: [3, 3, 3, 3, 1] },
  { heads: 40, columns: 784, sizes: [7, 7, 7, 7, 7, 5] },
  { heads: 12, columns: 336, sizes: [3, 3, 3, 3] },
  { heads: 12, columns: 176, sizes: [4, 4, 4] },
  { heads: 7, columns: 176, sizes: [4, 3] },
  { heads: 3, columns: 448, sizes: [2, 1] },
  { heads: 12, columns: 16, sizes: [12] },
  { heads: 1, columns: 5000, sizes: [1] },
])("$heads heads of $columns keys: $sizes at a time", ({ heads, columns, sizes }) => {
  expect(headGroups(heads, columns)).toEqual(sizes);
});

// Windows so wide that three heads are two and one.
describe.each(SPARSITY_TYPES)("%s, two heads at a time", (sparsity_type) => {
  const wide = lsgConfig({ sparsity_type, num_global_tokens: 400 });
  const causal = lsgConfig({
    sparsity_type,
    first_token_is_global: true,
    block_size: 200,
    sparse_block_size: 100,
    sparsity_factor: 2,
  });

  it.each([
    { biases: "no", relative: undefined },
    { biases: "some", relative: RELATIVE },
  ])("computes its definition with $biases biases by distance", async ({ relative }) => {
    const session = await openLsg(wide, { relative });
    const plain = problemOf(raggedMasks(61), prependedTokens(wide));
    const problem = relative ? biased(plain, relative) : plain;
    const expected = lsgAttentionByDefinition(problem, { config: wide, causal: false, seed: SEED });
    expect(relativeError(await run(session, problem), expected)).toBeLessThan(TOLERANCE);
  });

  it("computes its definition where nothing later is seen", async () => {
    const session = await openLsg(causal, { causal: true });
    const problem = problemOf(raggedMasks(605).slice(0, 2), 0);
    const expected = lsgAttentionByDefinition(problem, { config: causal, causal: true, seed: SEED });
    expect(relativeError(await run(session, problem), expected)).toBeLessThan(TOLERANCE);
  });
});

/** How far a Longformer's graph is from its definition. */
async function longformerError(sizes: LongformerDefinition, heads: Heads, length: number): Promise<number> {
  const session = await openLongformer({ ...sizes, heads });
  const globalMask = raggedMasks(length).map((mask, row) => mask.map((_, i) => (i % 97 === row ? 1 : 0)));
  const problem = { ...longformerProblem(raggedMasks(length), globalMask), ...heads };
  return relativeError(
    await runLongformer(session, problem),
    longformerAttentionByDefinition(problem, sizes),
  );
}

it.each([[[1, 1, 1]], [[1, 2, 1]]])("a Longformer, one head at a time: dilation %s", async (dilation) => {
  const sizes = { window: 200, dilation };
  expect(headGroups(HEADS.numHeads, 2 * sizes.window + 128)).toHaveLength(3);
  expect(await longformerError(sizes, HEADS, 701)).toBeLessThan(TOLERANCE);
});

it("a Longformer with more dilations than a node puts together", async () => {
  const dilation = Array.from({ length: WIDTH }, (_, head) => head + 1);
  const error = await longformerError({ window: 4, dilation }, { numHeads: WIDTH, headDim: 1 }, 301);
  expect(error).toBeLessThan(TOLERANCE);
});
