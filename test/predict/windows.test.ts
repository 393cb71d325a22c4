import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { openPredictor, type PredictorOptions } from "../../src/predict/open-predictor.js";
import type { Predicted } from "../../src/predict/predictor.js";
import type { ModelInput } from "../../src/predict/types.js";
import { FIXTURES } from "../support/fixtures.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lsg-test-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function predicted(
  model: string,
  inputs: readonly ModelInput[],
  options: PredictorOptions,
): Promise<Predicted[]> {
  const predictor = await openPredictor(model, options);
  try {
    const found: Predicted[] = [];
    for await (const one of predictor.predict(inputs.map((input) => ({ input })))) found.push(one);
    return found;
  } finally {
    await predictor.close();
  }
}

const text = (words: number) =>
  Array.from({ length: words }, (_, i) => ["the", "king", "of", "my", "lord", "is"][(i * i) % 6]).join(" ");
const [SHORT, LONG] = [text(20), text(430)];
const alone = (one: string): ModelInput => ({ kind: "text", text: one });

interface Case {
  readonly kind: string;
  readonly model: string;
  readonly inputs: readonly ModelInput[];
  readonly options?: PredictorOptions;
}

const CASES: readonly Case[] = [
  { kind: "classes", model: "camembert/checkpoint", inputs: [alone(LONG), alone(SHORT)] },
  {
    kind: "classes of pairs",
    model: "camembert/checkpoint",
    inputs: [
      { kind: "text", text: SHORT, pair: LONG },
      { kind: "text", text: LONG, pair: SHORT },
    ],
  },
  {
    kind: "entities",
    model: "xlm-roberta/checkpoint",
    inputs: [alone(LONG), { kind: "words", words: LONG.split(" ") }],
  },
  {
    kind: "answers",
    model: "distilbert/checkpoint",
    inputs: [{ kind: "text", text: SHORT, pair: LONG }],
  },
  { kind: "words", model: "bert/checkpoint", inputs: [alone(`${LONG} [MASK] ${LONG} [MASK] is`)] },
  {
    kind: "embeddings of modules",
    model: "sentence-transformers/modern",
    inputs: [alone(LONG), alone(SHORT)],
  },
  { kind: "embeddings of a base model", model: "bert/checkpoint-ids", inputs: [alone(LONG)] },
  { kind: "texts", model: "bart/checkpoint", inputs: [alone(LONG)], options: { maxNewTokens: 3 } },
];

describe.each(CASES)("$kind of $model in windows", ({ kind, model, inputs, options = {} }) => {
  test("are those of the folder that a conversion to windows writes, digit by digit", async () => {
    const source = join(FIXTURES, model);
    const converted = join(folder, kind.replaceAll(" ", "-"));
    await convert(source, converted, parseConvertOptions({ to: "windows" }));
    const found = await predicted(source, inputs, { ...options, reading: "windows" });
    expect(found).toEqual(await predicted(converted, inputs, options));
    expect(found.map(({ read }) => read)).toEqual(found.map(({ tokens }) => tokens));
    const [cut] = await predicted(source, inputs, options);
    expect(cut?.read).toBeLessThan(cut?.tokens ?? 0);
  });
});

test("--max-length is a window's, and the overlap is what was asked for", async () => {
  const source = join(FIXTURES, "camembert/checkpoint");
  const windows = { reading: "windows", maxLength: 64 } as const;
  const [usual] = await predicted(source, [alone(LONG)], windows);
  const [apart] = await predicted(source, [alone(LONG)], { ...windows, windowOverlap: 0 });
  expect(usual?.read).toBe(usual?.tokens);
  expect(usual?.prediction).not.toEqual(apart?.prediction);
  await expect(predicted(source, [alone(LONG)], { ...windows, maxLength: 7 })).rejects.toThrow(
    "--max-length 7: windows have 8 tokens at least",
  );
});

test("what windows cannot read is refused with why", async () => {
  const windows = { reading: "windows" } as const;
  const read = (model: string, options: PredictorOptions) =>
    predicted(join(FIXTURES, model), [alone(SHORT)], options);
  await expect(
    read("bert-generation/checkpoint", { ...windows, task: "feature-extraction" }),
  ).rejects.toThrow(/is not read in windows: this .* it is causal/);
  await expect(read("longformer/checkpoint", windows)).rejects.toThrow(
    /is not read in windows: .* reads long inputs already/,
  );
  await expect(read("camembert/checkpoint", { ...windows, dtype: "q8" })).rejects.toThrow(
    "--dtype q8 runs a graph that is there",
  );
});
