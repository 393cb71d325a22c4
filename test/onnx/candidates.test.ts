import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { axesOf, openModel, relativeDifference, runModel } from "../support/onnx.js";

/** What transformers computes, with question and candidates global; see fixtures/generate/wikihop.py. */
interface Answer {
  readonly windows: readonly (readonly number[])[];
  readonly window_logits: readonly (readonly number[])[];
  readonly logits: readonly number[];
}

const WIKIHOP = join(FIXTURES, "wikihop");
const EXPECTED: Record<string, Answer> = JSON.parse(readFileSync(join(WIKIHOP, "expected.json"), "utf8"));
const PAD = 1;
const [ENT, END] = [251, 252];
const SCORING = { task: "candidate-scoring" };

/** float32's rounding through two layers, 5.4e-7 as measured; without its global tokens a document is off by more than 1. */
const TOLERANCE = 1e-5;

/** A copy of the trained model with a graph. */
async function scoring(given: Record<string, unknown> = {}): Promise<string> {
  const folder = join(await temporaryFolder(), "model");
  cpSync(join(WIKIHOP, "model"), folder, { recursive: true });
  await exportOnnx(folder, undefined, parseExportOptions({ ...SCORING, ...given }));
  return join(folder, "onnx", "model.onnx");
}

/** Windows as one batch, padded on a side. */
function batchOf(windows: readonly (readonly number[])[], side: "left" | "right" = "right") {
  const length = Math.max(...windows.map((ids) => ids.length));
  const padded = (fill: (ids: readonly number[]) => readonly number[], padding: number) => {
    const values = windows.flatMap((ids) => {
      const rest = new Array<number>(length - ids.length).fill(padding);
      return side === "right" ? [...fill(ids), ...rest] : [...rest, ...fill(ids)];
    });
    return { dims: [windows.length, length], values };
  };
  return { input_ids: padded((ids) => ids, PAD), attention_mask: padded((ids) => ids.map(() => 1), 0) };
}

describe("a trained Longformer", () => {
  test("gives what transformers gives, padded on either side", async () => {
    const session = await openModel(await scoring());
    expect(axesOf(session.outputMetadata, "logits")).toEqual(["num_candidates"]);
    expect(axesOf(session.outputMetadata, "window_logits")).toEqual(["batch_size", "num_candidates"]);
    let worst = 0;
    for (const { windows, window_logits, logits } of Object.values(EXPECTED)) {
      for (const side of ["right", "left"] as const) {
        const found = await runModel(session, batchOf(windows, side));
        expect(found.window_logits?.dims).toEqual([windows.length, 3]);
        worst = Math.max(
          worst,
          relativeDifference(found.window_logits?.values ?? [], window_logits.flat()),
          relativeDifference(found.logits?.values ?? [], logits),
        );
      }
    }
    expect(Object.values(EXPECTED).some(({ windows }) => windows.length > 2)).toBe(true);
    expect(worst).toBeLessThan(TOLERANCE);
  });

  test("with a mask of globals as input: the same for the same globals, something else for none", async () => {
    const session = await openModel(await scoring({ globalAttention: "input" }));
    for (const { windows, logits } of Object.values(EXPECTED).slice(-2)) {
      const { input_ids, attention_mask } = batchOf(windows);
      const length = input_ids.dims[1] ?? 0;
      const globals = windows.flatMap((ids) =>
        Array.from({ length }, (_, i) => Number(i <= ids.lastIndexOf(END))),
      );
      const run = async (values: number[]) =>
        runModel(session, { input_ids, attention_mask, global_attention_mask: { ...input_ids, values } });
      const given = await run(globals);
      expect(relativeDifference(given.logits?.values ?? [], logits)).toBeLessThan(TOLERANCE);
      const none = await run(globals.map(() => 0));
      expect(relativeDifference(none.logits?.values ?? [], logits)).toBeGreaterThan(1);
    }
  });

  test("says NaN where windows are not those of one document", async () => {
    const session = await openModel(await scoring());
    const [{ windows }] = Object.values(EXPECTED) as [Answer];
    const [whole = []] = windows;
    const shorter = whole.toSpliced(whole.lastIndexOf(ENT), 3);
    const { logits, window_logits } = await runModel(session, batchOf([whole, shorter]));
    const isNumber = (values: Iterable<number> | undefined) =>
      Array.from(values ?? [], (x) => !Number.isNaN(x));
    expect(isNumber(window_logits?.values)).toEqual([true, true, true, true, true, false]);
    expect(isNumber(logits?.values)).toEqual([true, true, false]);
    const without = await runModel(session, batchOf([whole.filter((id) => id !== ENT)]));
    expect(isNumber(without.logits?.values)).toEqual([false]);
  });
});

test("LSG: the scores of the tokens before candidates, at every length", async () => {
  const folder = join(await temporaryFolder(), "lsg");
  const options = {
    architecture: "RobertaForTokenClassification",
    modelKwargs: { num_labels: 1 },
    addTokens: "[question],[/question],[ent],[/ent]",
    blockSize: 16,
    sparsityType: "none",
  };
  await convert(join(FIXTURES, "roberta", "checkpoint"), folder, parseConvertOptions(options));
  const openAs = async (task: string) => {
    await exportOnnx(folder, undefined, parseExportOptions({ task }));
    return openModel(join(folder, "onnx", "model.onnx"));
  };
  const perToken = await openAs("token-classification");
  const perCandidate = await openAs("candidate-scoring");
  const [start, end] = [142, 143];
  for (const length of [7, 15, 16, 17, 32, 33, 53]) {
    const text = Array.from({ length: length - 6 }, (_, i) => 30 + ((7 * i) % 90));
    const windows = [text, text.slice(0, 1)].map((rest) => [9, start, 33, end, start, end, ...rest]);
    const inputs = batchOf(windows);
    const all = (await runModel(perToken, inputs)).logits?.values ?? [];
    const expected = [0, 1].flatMap((row) => [1, 4].map((at) => all[row * length + at] ?? Number.NaN));
    const { window_logits, logits } = await runModel(perCandidate, inputs);
    expect(relativeDifference(window_logits?.values ?? [], expected), `${length} tokens`).toBeLessThan(1e-6);
    const means = [0, 1].map((i) => (expected[i]! + expected[i + 2]!) / 2);
    expect(relativeDifference(logits?.values ?? [], means)).toBeLessThan(1e-6);
  }
});

describe("what cannot score candidates", () => {
  const refusal = async (type: string, given: Record<string, unknown>) => {
    const folder = join(await temporaryFolder(), "out");
    const options = parseConvertOptions({ onnx: true, ...SCORING, ...given });
    return convert(join(FIXTURES, type, "checkpoint"), folder, options).then(
      () => "",
      (error: Error & { remedy?: string }) => `${error.message}\n${error.remedy}`,
    );
  };
  const tokens = { architecture: "RobertaForTokenClassification", addTokens: "[ent],[/ent]" };

  test.each([
    ["a head for words", { addTokens: "[ent],[/ent]" }, /its head is one for MaskedLM.*\n.*num_labels 1/],
    ["two scores a token", tokens, /its head gives a token 2 scores, not one/],
    [
      "a tokenizer without the tokens",
      { architecture: tokens.architecture, modelKwargs: { num_labels: 1 } },
      /the tokenizer has no token \[ent\].*\n.*--add-tokens "\[question\],\[\/question\],\[ent\],\[\/ent\]"/,
    ],
  ])("%s", async (_, given, message) => {
    expect(await refusal("roberta", given)).toMatch(message);
  });
});
