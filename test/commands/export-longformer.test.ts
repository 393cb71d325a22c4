import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { exportOnnx } from "../../src/commands/export.js";
import { exportOp } from "../../src/commands/export-op.js";
import { parseExportOptions } from "../../src/options/options.js";
import { goldenInputs, goldenValues, outputGoldens } from "../onnx/model-cases.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { openModel, relativeDifference, runModel } from "../support/onnx.js";

const LONGFORMER = join(FIXTURES, "longformer", "checkpoint");
const LED = join(FIXTURES, "led", "checkpoint");
const BART = join(FIXTURES, "bart", "checkpoint");

const exportTo = async (source: string, given: Record<string, unknown> = {}) =>
  exportOnnx(source, join(await temporaryFolder(), "out"), parseExportOptions(given));

describe("the last line names the attention", () => {
  test("a Longformer's windows", async () => {
    const output = join(await temporaryFolder(), "out");
    const { stderr } = await lsg(["export", LONGFORMER, output]);
    expect(stderr).toMatch(/for fill-mask with longformer attention \(windows of 8, 16\)\n/);
  });

  test("of its first layer, where the op is alone", async () => {
    const source = await changedCheckpoint(LONGFORMER, {
      config: {
        attention_dilation: [
          [1, 1, 2, 3],
          [1, 1, 1, 1],
        ],
      },
    });
    const result = await exportOp(source, await temporaryFolder(), parseExportOptions({ opOnly: true }));
    expect(result).toMatchObject({ attention: "longformer", layout: "windows of 8, dilated by 1:1:2:3" });
  });

  test("and an LSG checkpoint's blocks", async () => {
    const result = await exportTo(join(FIXTURES, "roberta", "lsg"));
    expect(result).toMatchObject({
      attention: "lsg",
      layout: expect.stringMatching(/^blocks of 128, 128 sparse/),
    });
  });
});

test.each<[string, RegExp]>([
  [
    join(FIXTURES, "bert", "checkpoint"),
    /--global-attention is Longformer's, and this BERT has full attention/,
  ],
  [
    join(FIXTURES, "roberta", "lsg"),
    /--global-attention is Longformer's, and this RoBERTa has LSG attention/,
  ],
])("--global-attention means nothing for %s", async (source, message) => {
  await expect(exportTo(source, { globalAttention: "auto" })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(message),
    remedy: "Leave it out.",
  });
});

describe("an LED that generates, exported for its features", () => {
  /** Its decoder has 64 positions, its encoder 128. */
  const goldens = outputGoldens("led");

  async function features(source: string, length: number) {
    const { output } = await exportTo(source, { task: "feature-extraction" });
    const session = await openModel(join(output, "onnx", "model.onnx"));
    onTestFinished(() => session.release());
    return runModel(session, goldenInputs(goldens, "right", length));
  }

  test("encodes all that its encoder reads, as PyTorch does", async () => {
    const { encoder_last_hidden_state: encoded, last_hidden_state: decoded } = await features(LED, 128);
    expect(encoded?.dims).toEqual([3, 128, 32]);
    expect(decoded?.dims).toEqual([3, 64, 32]);
    const stride = goldens.cases.find(({ name }) => name === "encoder-right")?.strides
      .last_hidden_state?.[128];
    const expected = goldenValues(goldens.tensors, "encoder-right/128/last_hidden_state");
    const mask = goldenInputs(goldens, "right", 128).attention_mask?.values ?? [];
    const isVisible = (i: number) => mask[Math.floor(i / 32)] !== 0;
    const actual = encoded?.values.filter((_, i) => i % (stride ?? 1) === 0) ?? [];
    const visible = expected.map((x, i) => (isVisible(i * (stride ?? 1)) ? x : Number.NaN));
    expect(relativeDifference(actual, visible)).toBeLessThan(1e-5);
  });

  test("decodes as many tokens as its decoder reads: the first ones, which others behind them do not change", async () => {
    const decoder = "led.decoder.embed_positions.weight";
    const longer = await changedCheckpoint(LED, {
      config: { max_decoder_position_embeddings: 128 },
      tensors: (tensors) => {
        const { dtype, shape, bytes } = tensors.get(decoder) ?? {
          dtype: "F32",
          shape: [],
          bytes: Buffer.alloc(0),
        };
        tensors.set(decoder, { dtype, shape: [128, shape[1] ?? 0], bytes: Buffer.concat([bytes, bytes]) });
      },
    });
    const [cut, whole] = [await features(LED, 128), await features(longer, 128)];
    const width = 64 * 32;
    const first = whole.last_hidden_state?.values.filter((_, i) => i % (2 * width) < width) ?? [];
    expect(whole.last_hidden_state?.dims).toEqual([3, 128, 32]);
    expect(relativeDifference(cut.last_hidden_state?.values ?? [], first)).toBeLessThan(1e-5);
  });
});

test("a classifier with several ends of a text says what to do: transformers looks for one as well", async () => {
  const source = await changedCheckpoint(BART, {
    config: { architectures: ["BartForSequenceClassification"], eos_token_id: [2, 5] },
    tensors: (tensors) => {
      const zeros = (shape: number[]) => ({
        dtype: "F32" as const,
        shape,
        bytes: Buffer.alloc(4 * shape.reduce((a, b) => a * b)),
      });
      tensors.set("classification_head.dense.weight", zeros([32, 32]));
      tensors.set("classification_head.dense.bias", zeros([32]));
      tensors.set("classification_head.out_proj.weight", zeros([3, 32]));
      tensors.set("classification_head.out_proj.bias", zeros([3]));
    },
  });
  await expect(exportTo(source)).rejects.toMatchObject({
    exitCode: 2,
    message: "config.json: eos_token_id is [2,5], expected a number",
    remedy: expect.stringMatching(/transformers fails with a list as well: set eos_token_id to the one/),
  });
});
