import { join } from "node:path";
import type * as ort from "onnxruntime-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { type Inputs, openModel, relativeDifference, runModel } from "../support/onnx.js";
import { TOLERANCE } from "./model-cases.js";

/** Tokens of rows, each as many as it has, without padding. */
type Rows = readonly (readonly number[])[];

const PADS: Readonly<Record<string, number>> = { bert: 3, roberta: 1, distilbert: 8, electra: 0, albert: 6 };
const TYPED = ["bert", "electra", "albert"];

const SMALL = { block_size: 8, sparse_block_size: 8, sparsity_factor: 2 };
const KINDS: readonly (readonly [modelType: string, lsg: Readonly<Record<string, unknown>> | undefined])[] = [
  ...["bert", "roberta", "distilbert", "electra", "albert"].map((type) => [type, undefined] as const),
  ...["norm", "pooling", "stride", "block_stride", "bos_pooling", "lsh", "none"].map(
    (sparsity_type) => ["bert", { ...SMALL, sparsity_type }] as const,
  ),
  ["roberta", { ...SMALL, sparsity_type: "norm", num_global_tokens: 7 }],
  ["distilbert", { ...SMALL, sparsity_type: "bos_pooling", mask_first_token: true }],
  ["albert", { ...SMALL, sparsity_type: "norm", first_token_is_global: true, num_global_tokens: 3 }],
  ["electra", { ...SMALL, sparsity_type: "none", first_token_is_global: true }],
  [
    "bert",
    {
      ...SMALL,
      sparsity_type: "none",
      first_token_is_global: true,
      global_scaling_length: 2 * SMALL.block_size,
    },
  ],
];

describe.each(KINDS)("%s, LSG keys %j", (modelType, lsg) => {
  const pad = PADS[modelType] ?? 0;
  const rows: Rows = [61, 17, 16, 1, 40].map((length, row) =>
    Array.from({ length }, (_, i) => 10 + ((i * i * 7 + row * 31 + i) % 80)),
  );

  test("a row alone is the row in a batch, and more padding changes nothing", async () => {
    const session = await openFeatures(modelType, lsg);
    const batch = await statesOf(session, rows, 61);
    expect(batch.length).toBe(5);
    for (const [row, tokens] of rows.entries()) {
      const expected = batch[row] ?? [];
      for (const length of [tokens.length, tokens.length + 1, 64, 100]) {
        const [alone = []] = await statesOf(session, [tokens], length);
        const difference = relativeDifference(alone, expected);
        expect(
          difference,
          `row of ${tokens.length} padded to ${length}: largest difference ${difference}, tolerance ${TOLERANCE}`,
        ).toBeLessThanOrEqual(TOLERANCE);
      }
    }
  });

  test("a row without a single visible token disturbs no other", async () => {
    const session = await openFeatures(modelType, lsg);
    const [expected = []] = await statesOf(session, rows, 61);
    const [, beside = []] = await statesOf(session, [[], rows[0] ?? []], 61);
    expect(relativeDifference(beside, expected)).toBeLessThanOrEqual(TOLERANCE);
    const { last_hidden_state } = await runModel(session, padded([[]], 61));
    expect(last_hidden_state?.values.every(Number.isFinite)).toBe(true);
  });

  /** The hidden states of each row's tokens, with rows padded on the right. */
  async function statesOf(
    session: ort.InferenceSession,
    given: Rows,
    length: number,
  ): Promise<Float32Array[]> {
    const { last_hidden_state } = await runModel(session, padded(given, length));
    if (!last_hidden_state) throw new Error("no last_hidden_state");
    const rowSize = last_hidden_state.values.length / given.length;
    return given.map((tokens, row) => {
      const start = row * rowSize;
      return last_hidden_state.values.slice(start, start + (tokens.length * rowSize) / length);
    });
  }

  function padded(given: Rows, length: number): Inputs {
    const tensor = (token: (tokens: readonly number[], i: number) => number) => ({
      dims: [given.length, length],
      values: given.flatMap((tokens) => Array.from({ length }, (_, i) => token(tokens, i))),
    });
    return {
      input_ids: tensor((tokens, i) => tokens[i] ?? pad),
      attention_mask: tensor((tokens, i) => (i < tokens.length ? 1 : 0)),
      ...(TYPED.includes(modelType) && { token_type_ids: tensor((_, i) => (i > 5 ? 1 : 0)) }),
    };
  }
});

async function openFeatures(modelType: string, lsg: Readonly<Record<string, unknown>> | undefined) {
  const folder = join(await temporaryFolder(), "out");
  const source = join(FIXTURES, modelType, "checkpoint");
  const task = "feature-extraction";
  if (lsg) {
    const options = { preset: "reference", maxSequenceLength: 600, modelKwargs: lsg, onnx: true, task };
    await convert(source, folder, parseConvertOptions(options));
  } else {
    await exportOnnx(source, folder, parseExportOptions({ task }));
  }
  const session = await openModel(join(folder, "onnx", "model.onnx"));
  onTestFinished(() => session.release());
  return session;
}
