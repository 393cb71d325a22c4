import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../support/fixtures.js";
import {
  convertTo,
  exportTo,
  goldenBatches,
  HOME,
  largestDifference,
  OUTPUTS,
  runBatches,
} from "./support.js";

/** Embeddings have length 1: float32 rounding over two layers. */
const TOLERANCE = 2e-6;

describe.each(Object.keys(OUTPUTS))("%s", (fixture) => {
  const batches = goldenBatches(fixture);
  const output = OUTPUTS[fixture] ?? "";

  async function differences(graph: string) {
    const all = await runBatches(graph, batches);
    return batches.map((batch, i) => {
      const { dims, values } = all[i]?.[output] ?? { dims: [], values: [] };
      return { name: batch.name, dims, difference: largestDifference(batch, values) };
    });
  }
  const asExpected = batches.map(({ name, dims }) => ({
    name,
    dims,
    difference: expect.toSatisfy((found) => found <= TOLERANCE),
  }));

  test("the graph of the original gives the library's embeddings", async () => {
    const folder = join(await temporaryFolder(), "full");
    await exportTo(join(HOME, fixture), folder);
    expect(await differences(join(folder, "onnx", "model.onnx"))).toEqual(asExpected);
  });

  test.each(["embedded", "shared"])("so does that of the converted model, weights %s", async (weights) => {
    const folder = join(await temporaryFolder(), "lsg");
    // `shared` wants safetensors: what a conversion writes.
    await convertTo(join(HOME, fixture), folder, { onnx: true, onnxWeights: weights });
    const graph = weights === "shared" ? "model.onnx" : join("onnx", "model.onnx");
    expect(await differences(join(folder, graph))).toEqual(asExpected);
  });
});
