import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { exportOnnx } from "../../src/commands/export.js";
import { parseExportOptions } from "../../src/options/options.js";
import type { GlobalAttention } from "../../src/options/schemas.js";
import { temporaryFolder } from "../support/fixtures.js";
import { openModel, relativeDifference, runModel } from "../support/onnx.js";
import { caseSource, outputGoldens, TOLERANCE } from "./model-cases.js";

const SEPARATOR = 40;
const LENGTH = 24;

async function openHead(caseName: string, globalAttention: GlobalAttention) {
  const goldens = outputGoldens("longformer");
  const golden = goldens.cases.find(({ name }) => name === caseName);
  if (!golden) throw new Error(`there is no case ${caseName}`);
  const folder = await temporaryFolder();
  const source = await caseSource(goldens, golden, folder);
  await exportOnnx(source, join(folder, "out"), parseExportOptions({ globalAttention }));
  const session = await openModel(join(folder, "out", "onnx", "model.onnx"));
  onTestFinished(() => session.release());
  return session;
}

/** Rows with separators at these places. */
const PLACES = [[], [5], [0, 3], [LENGTH - 1], [2, 9, 11, 12, 20]];

const IDS = PLACES.flatMap((places, row) =>
  Array.from({ length: LENGTH }, (_, i) => (places.includes(i) ? SEPARATOR : 41 + ((7 * i + row * 13) % 70))),
);

// transformers refuses rows with another number of separators than three; a graph cannot, and must not give
// all of a row global attention because it asks nothing.
describe("a question ends with its first separator, and a row without one asks nothing", () => {
  test.each<[string, string, number[], (position: number, end: number | undefined) => boolean]>([
    ["question", "question-right", [], (position, end) => end !== undefined && position < end],
    ["answers", "choices", [1], (position, end) => end !== undefined && position > end + 1],
  ])("tokens of the %s are global", async (_, name, choices, isGlobal) => {
    const [auto, asked] = [await openHead(name, "auto"), await openHead(name, "input")];
    const tensor = (values: number[]) => ({ dims: [PLACES.length, ...choices, LENGTH], values });
    const inputs = { input_ids: tensor(IDS), attention_mask: tensor(IDS.map(() => 1)) };
    const globals = PLACES.flatMap(([end]) =>
      Array.from({ length: LENGTH }, (_, i) => Number(isGlobal(i, end))),
    );
    const expected = await runModel(asked, { ...inputs, global_attention_mask: tensor(globals) });
    const none = await runModel(asked, { ...inputs, global_attention_mask: tensor(globals.map(() => 0)) });
    for (const [output, { values }] of Object.entries(await runModel(auto, inputs))) {
      expect(relativeDifference(values, expected[output]?.values ?? []), output).toBeLessThan(TOLERANCE);
      expect(relativeDifference(values, none[output]?.values ?? []), output).toBeGreaterThan(1e-3);
    }
  });
});
