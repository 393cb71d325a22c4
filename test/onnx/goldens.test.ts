import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LsgConfigSchema } from "../../src/attention/lsg-config.js";
import type { AttentionProblem } from "../../src/verify/definition/attention-problem.js";
import { lsgAttentionByDefinition } from "../../src/verify/definition/lsg.js";
import { openLsg, relativeError, run, TOLERANCE } from "./attention-cases.js";
import { readGoldens } from "./goldens.js";

const FOLDER = new URL("../../fixtures/attention/", import.meta.url);
const { heads, head_dim, seed, lengths, cases } = JSON.parse(
  readFileSync(new URL("cases.json", FOLDER), "utf8"),
);
const golden = readGoldens(new URL("goldens.safetensors", FOLDER));
const HEADS = { numHeads: heads as number, headDim: head_dim as number };
const WIDTH = HEADS.numHeads * HEADS.headDim;

describe.each(Object.keys(cases))("%s", (name) => {
  const config = LsgConfigSchema.parse(cases[name]);

  it("is defined as lsg-converter computes it", () => {
    for (const length of lengths) {
      const { problem, expected } = goldenProblem(name, length, config.num_global_tokens);
      const actual = lsgAttentionByDefinition(problem, { config, causal: false, seed });
      expect(relativeError(finite(actual), expected), `length ${length}`).toBeLessThan(TOLERANCE);
    }
  });

  it("is computed by the graph as lsg-converter does", async () => {
    const session = await openLsg(config, { heads: HEADS });
    for (const length of lengths) {
      const { problem, expected } = goldenProblem(name, length, config.num_global_tokens);
      expect(relativeError(await run(session, problem), expected), `length ${length}`).toBeLessThan(
        TOLERANCE,
      );
    }
  });
});

/** Inputs as they were given to the reference, and its contexts: NaN for padding, which is nobody's result. */
function goldenProblem(name: string, length: number, globals: number) {
  const { shape, values: mask } = golden(`mask.${length}`);
  const batch = shape[0] ?? 0;
  const total = globals + length;
  const tensor = (input: string) => {
    const { shape: whole, values } = golden(input);
    const row = (whole[1] ?? 0) * WIDTH;
    return Array.from({ length: batch }, (_, i) => values.slice(i * row, i * row + total * WIDTH)).flat();
  };
  const problem: AttentionProblem = {
    batch,
    ...HEADS,
    query: tensor("query"),
    key: tensor("key"),
    value: tensor("value"),
    mask,
  };
  const expected = golden(`${name}.${length}`).values.map((x, i) => {
    const [row, position] = [Math.floor(i / WIDTH / total), Math.floor(i / WIDTH) % total];
    return position < globals || mask[row * length + position - globals] !== 0 ? x : Number.NaN;
  });
  return { problem, expected };
}

/** The definition leaves a query that sees no key without an answer; no such query is compared. */
function finite(values: Float64Array): Float64Array {
  return values.map((x) => (Number.isNaN(x) ? 0 : x));
}
