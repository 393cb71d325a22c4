import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openPredictor, type PredictorOptions } from "../../src/predict/open-predictor.js";
import type { Predicted } from "../../src/predict/predictor.js";
import type { ModelInput } from "../../src/predict/types.js";
import { FIXTURES } from "../support/fixtures.js";

const CLASSIFIER = "camembert/checkpoint";
const TAGGER = "xlm-roberta/checkpoint";

async function predicted(
  folder: string,
  inputs: readonly (string | ModelInput)[],
  options: PredictorOptions = {},
): Promise<Predicted[]> {
  const predictor = await openPredictor(join(FIXTURES, folder), options);
  try {
    const asked = inputs.map((input, i) => ({
      input: typeof input === "string" ? ({ kind: "text", text: input } as const) : input,
      place: `row ${i}`,
    }));
    const found: Predicted[] = [];
    for await (const one of predictor.predict(asked)) found.push(one);
    return found;
  } finally {
    await predictor.close();
  }
}

const LONG = "the and of ".repeat(400);

test("documents are answered in their order, each as by itself, whatever is run together", async () => {
  const texts = Array.from({ length: 150 }, (_, i) => "the and of ".repeat((i * 37) % 60));
  const together = await predicted(CLASSIFIER, texts);
  expect(together.map(({ asked }) => asked.place)).toEqual(texts.map((_, i) => `row ${i}`));
  for (const i of [0, 3, 77, 149]) {
    const [alone] = await predicted(CLASSIFIER, [texts[i] ?? ""]);
    const scores = (one: Predicted | undefined) =>
      one?.prediction.kind === "classes" ? one.prediction.labels.map(({ score }) => score) : [];
    // Rows of one batch differ by the order of sums.
    scores(alone).forEach((score, label) => {
      expect(scores(together[i])[label]).toBeCloseTo(score, 6);
    });
  }
});

describe("a document that is longer than the model reads", () => {
  test("is cut, and says so", async () => {
    const [cut, short] = await predicted(CLASSIFIER, [LONG, "the"]);
    expect([cut?.tokens, cut?.read]).toEqual([2002, 512]);
    expect(short?.read).toBe(short?.tokens);
    const [less] = await predicted(CLASSIFIER, [LONG], { maxLength: 20 });
    expect([less?.tokens, less?.read]).toEqual([2002, 20]);
  });

  test("is read whole in chunks", async () => {
    const [one] = await predicted(TAGGER, [LONG], { reading: "chunks" });
    expect(one?.read).toBe(one?.tokens);
    const entities = one?.prediction.kind === "entities" ? one.prediction.entities : [];
    expect(entities.at(-1)?.end).toBeGreaterThan(LONG.length - 20);
    for (const { start, end, text } of entities) expect(text).toBe(LONG.slice(start, end));
  });

  test("is refused where that is asked, behind the answers before it", async () => {
    const predictor = await openPredictor(join(FIXTURES, CLASSIFIER), { reading: "refuse" });
    const found: unknown[] = [];
    const reading = async () => {
      const asked = ["the", LONG].map(
        (text) => ({ input: { kind: "text", text }, place: text.slice(0, 3) }) as const,
      );
      for await (const one of predictor.predict(asked)) found.push(one);
    };
    await expect(reading()).rejects.toThrow("the has 2002 tokens, and the model reads 512");
    expect(found.length).toBe(1);
    await predictor.close();
  });
});

test("a text without a word has an answer from every kind of model", async () => {
  const empty = { kind: "text", text: "" } as const;
  for (const folder of [
    CLASSIFIER,
    TAGGER,
    "shakespeare",
    "sentence-transformers/modern",
    "pegasus/checkpoint",
  ]) {
    const [one] = await predicted(folder, [empty], { maxNewTokens: 3 });
    expect(one?.read).toBe(one?.tokens);
  }
  const [answer] = await predicted("distilbert/checkpoint", [{ kind: "text", text: "", pair: "" }]);
  expect(answer?.prediction).toMatchObject({ kind: "answer", answer: { answer: "", start: 0, end: 0 } });
});

test("words that are given have a label each, of their first tokens", async () => {
  const words = ["Paris", "😀", "", "3,000"];
  const [whole, cut] = await predicted(TAGGER, [
    { kind: "words", words },
    { kind: "words", words: LONG.split(" ") },
  ]);
  const labels = (one: Predicted | undefined) =>
    one?.prediction.kind === "entities" ? (one.prediction.labels ?? []) : [];
  expect(labels(whole)).toHaveLength(4);
  // A word without a token is nothing, as is one that was not read.
  expect(labels(whole)[2]).toBe("O");
  expect(labels(cut)).toHaveLength(LONG.split(" ").length);
  expect(labels(cut).slice(600)).toEqual(labels(cut).slice(600).fill("O"));
});

test("an embedding of chunks is the pooling of all tokens", async () => {
  const text = "the and of ".repeat(100);
  const [one] = await predicted("sentence-transformers/modern", [text], {
    reading: "chunks",
  });
  expect(one?.read).toBe(one?.tokens);
  expect(one?.tokens).toBeGreaterThan(300);
  const embedding = one?.prediction.kind === "embedding" ? one.prediction.embedding : new Float32Array(0);
  expect(embedding.every(Number.isFinite)).toBe(true);
});

test("a document that the model cannot be asked about is named", async () => {
  await expect(predicted("distilbert/checkpoint", ["no question"])).rejects.toThrow(
    "row 0 is no question with its context",
  );
  const choices = { kind: "choices", text: "a", choices: ["b"] } as const;
  await expect(predicted(CLASSIFIER, [choices])).rejects.toThrow("row 0 has several choices");
  await expect(predicted(CLASSIFIER, ["a"], { dtype: "q8" })).rejects.toThrow("has no graph in q8");
  await expect(predicted(CLASSIFIER, ["a"], { maxLength: 513 })).rejects.toThrow("reads 512 tokens at most");
  await expect(predicted("electra/checkpoint", ["a"])).rejects.toThrow("which tokens were replaced");
  await expect(predicted("bert-generation/checkpoint", ["a"])).rejects.toThrow("CausalLM");
  await expect(predicted("bart/checkpoint", ["a"], { reading: "chunks" })).rejects.toThrow(
    "--reading chunks",
  );
});
