import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type LongformerProblem,
  longformerAttentionByDefinition,
} from "../../src/verify/definition/longformer.js";
import { relativeError, TOLERANCE } from "./attention-cases.js";
import { readGoldens } from "./goldens.js";
import { openLongformer, runLongformer } from "./longformer-cases.js";

const FOLDER = new URL("../../fixtures/attention/", import.meta.url);
const { heads, head_dim, lengths, ...cases } = JSON.parse(
  readFileSync(new URL("longformer.json", FOLDER), "utf8"),
);
const golden = readGoldens(new URL("longformer.safetensors", FOLDER));
const HEADS = { numHeads: heads as number, headDim: head_dim as number };
const WIDTH = HEADS.numHeads * HEADS.headDim;

describe.each(cases.attention_windows as number[])("attention_window %i", (attentionWindow) => {
  const sizes = { window: attentionWindow / 2, dilation: new Array<number>(HEADS.numHeads).fill(1) };

  it.each(cases.globals as string[])("is defined as transformers computes it, globals: %s", (globals) => {
    for (const length of lengths) {
      const { problem, expected } = goldenProblem(attentionWindow, globals, length);
      const actual = longformerAttentionByDefinition(problem, sizes);
      expect(relativeError(finite(actual), expected), `length ${length}`).toBeLessThan(TOLERANCE);
    }
  });

  it.each(cases.globals as string[])("is computed by the graph as by transformers: %s", async (globals) => {
    const session = await openLongformer({ ...sizes, heads: HEADS });
    for (const length of lengths) {
      const { problem, expected } = goldenProblem(attentionWindow, globals, length);
      const actual = await runLongformer(session, problem);
      expect(relativeError(actual, expected), `length ${length}`).toBeLessThan(TOLERANCE);
    }
  });
});

/** Inputs as they were given to transformers, and its contexts: NaN for padding, which is nobody's result. */
function goldenProblem(attentionWindow: number, globals: string, length: number) {
  const mask = golden(`mask.${length}`).values;
  const tensor = (name: string) => {
    const { shape, values } = golden(name);
    const [batch = 0, longest = 0] = shape;
    return Array.from({ length: batch }, (_, row) =>
      values.slice(row * longest * WIDTH, (row * longest + length) * WIDTH),
    ).flat();
  };
  const problem: LongformerProblem = {
    ...HEADS,
    batch: mask.length / length,
    query: tensor("query"),
    key: tensor("key"),
    value: tensor("value"),
    mask,
    globalMask: golden(`globals.${globals}.${length}`).values,
    global: { query: tensor("query_global"), key: tensor("key_global"), value: tensor("value_global") },
  };
  const { values } = golden(`${attentionWindow}.${globals}.${length}`);
  const expected = values.map((x, i) => (mask[Math.floor(i / WIDTH)] ? x : Number.NaN));
  return { problem, expected };
}

/** Padding that sees no token has no answer in the definition, and is not compared. */
function finite(values: Float64Array): Float64Array {
  return values.map((x) => (Number.isNaN(x) ? 0 : x));
}
