import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { estimateMemory } from "../../src/batch/memory.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { writeTinyModel } from "../support/tiny-model.js";

const BASE = { hidden_size: 768, num_attention_heads: 12, max_position_embeddings: 512 };

/** Megabytes that a conversion of a model is expected to take. */
async function estimate(given: Record<string, unknown>, config: object = BASE, weights = 437e6) {
  const folder = await writeTinyModel({ config: { ...config } });
  const source = await openFolder(folder);
  const files = new Map([...source.files, ["model.safetensors", { size: weights }]]);
  return Math.round((await estimateMemory({ ...source, files }, parseConvertOptions(given))) / 1e6);
}

describe("the memory of a job", () => {
  test("is that of streaming, whatever the model's size", async () => {
    expect([await estimate({}), await estimate({}, BASE, 6e9), await estimate({ onnx: true })]).toEqual([
      120, 120, 220,
    ]);
  });

  // Measured (MB): 318 for all-MiniLM-L6-v2, of 91 MB, and 872 for all-mpnet-base-v2.
  test.each([
    [91e6, 318],
    [438e6, 872],
  ])(
    "that compares graphs of 8 bits with float32 is above what was measured (%d bytes)",
    async (weights, measured) => {
      const expected = await estimate({ onnx: "fp32,q8" }, BASE, weights);
      expect(expected).toBeGreaterThan(measured);
      expect(expected).toBeLessThan(2 * measured);
      expect(await estimate({ onnx: "fp32" }, BASE, weights)).toBe(220);
    },
  );

  // Measured (peak of all its processes, MB): 913 and 2395 for 6 layers of 384 and 90 MB, 1476 for BERT base.
  test.each([
    [{ maxSequenceLength: 1024 }, 90e6, 913],
    [{ maxSequenceLength: 4096 }, 90e6, 2395],
    [{ preset: "reference" }, 90e6, 1847],
    [{ maxSequenceLength: 1024 }, 436e6, 1476],
  ])(
    "that runs models (%j, %d bytes) is above what was measured, %d MB, and below twice that",
    async (given, weights, measured) => {
      const expected = await estimate({ runTest: true, ...given }, BASE, weights);
      expect(expected).toBeGreaterThan(measured);
      expect(expected).toBeLessThan(2 * measured);
    },
  );

  test("grows with the keys that a token sees", async () => {
    const [usual, wide] = [
      await estimate({ runTest: true }),
      await estimate({ runTest: true, blockSize: 1024 }),
    ];
    expect((wide - 220 - 4 * 437) / (usual - 220 - 4 * 437)).toBeCloseTo(4);
    expect(await estimate({ runTest: true, to: "longformer", attentionWindow: "2048" })).toBeGreaterThan(
      wide,
    );
  });

  test("is that of a base model where a config says nothing: what is wrong with it the job finds out", async () => {
    const usual = await estimate({ runTest: true });
    expect(await estimate({ runTest: true }, { model_type: "t5", max_position_embeddings: "many" })).toBe(
      usual,
    );
    const folder = await writeTinyModel();
    await writeFile(join(folder, "config.json"), "{");
    const source = await openFolder(folder);
    expect(await estimateMemory(source, parseConvertOptions({ runTest: true }))).toBeGreaterThan(1e9);
  });
});
