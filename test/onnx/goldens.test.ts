import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type LsgConfig, LsgConfigSchema } from "../../src/attention/lsg-config.js";
import { prependedTokens } from "../../src/onnx/functions/lsg-inputs.js";
import type { AttentionProblem } from "../../src/verify/definition/attention-problem.js";
import { lsgAttentionByDefinition } from "../../src/verify/definition/lsg.js";
import { openLsg, relativeError, run, TOLERANCE } from "./attention-cases.js";
import { readGoldens } from "./goldens.js";

const FOLDER = new URL("../../fixtures/attention/", import.meta.url);

/** What lsg-converter computes, and what it lacks, by a plain statement of its definition. */
const SETS = [
  { document: "cases.json", tensors: "goldens.safetensors" },
  { document: "scaled.json", tensors: "scaled.safetensors" },
].map(({ document, tensors }) => {
  const { heads, head_dim, seed, lengths, cases } = JSON.parse(
    readFileSync(new URL(document, FOLDER), "utf8"),
  );
  const golden = readGoldens(new URL(tensors, FOLDER));
  return {
    lengths: lengths as number[],
    seed: seed as number,
    cases: cases as Record<string, Partial<LsgConfig>>,
    golden,
    sizes: { numHeads: heads as number, headDim: head_dim as number },
  };
});
type GoldenSet = (typeof SETS)[number];

const CASES = SETS.flatMap((set) => Object.keys(set.cases).map((name) => [name, set] as const));

describe.each(CASES)("%s", (name, set) => {
  const { lengths, seed, sizes } = set;
  const config = LsgConfigSchema.parse(set.cases[name]);

  it("is defined as it was computed", () => {
    for (const length of lengths) {
      const { problem, expected } = goldenProblem(set, name, length, prependedTokens(config));
      const actual = lsgAttentionByDefinition(problem, { config, causal: false, seed });
      expect(relativeError(finite(actual), expected), `length ${length}`).toBeLessThan(TOLERANCE);
    }
  });

  it("is computed by the graph", async () => {
    const session = await openLsg(config, { heads: sizes });
    for (const length of lengths) {
      const { problem, expected } = goldenProblem(set, name, length, prependedTokens(config));
      expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(
        TOLERANCE,
      );
    }
  });
});

/** Inputs as they were given to the reference, and its contexts: NaN for padding, which is nobody's result. */
function goldenProblem({ golden, sizes }: GoldenSet, name: string, length: number, prepended: number) {
  const { shape, values: mask } = golden(`mask.${length}`);
  const batch = shape[0] ?? 0;
  const total = prepended + length;
  const width = sizes.numHeads * sizes.headDim;
  const tensor = (input: string) => {
    const { shape: whole, values } = golden(input);
    const row = (whole[1] ?? 0) * width;
    return Array.from({ length: batch }, (_, i) => values.slice(i * row, i * row + total * width)).flat();
  };
  const problem: AttentionProblem = {
    batch,
    ...sizes,
    query: tensor("query"),
    key: tensor("key"),
    value: tensor("value"),
    mask,
  };
  const expected = golden(`${name}.${length}`).values.map((x, i) => {
    const [row, position] = [Math.floor(i / width / total), Math.floor(i / width) % total];
    return position < prepended || mask[row * length + position - prepended] !== 0 ? x : Number.NaN;
  });
  return { problem, expected };
}

/** The definition leaves a query that sees no key without an answer; no such query is compared. */
function finite(values: Float64Array): Float64Array {
  return values.map((x) => (Number.isNaN(x) ? 0 : x));
}
