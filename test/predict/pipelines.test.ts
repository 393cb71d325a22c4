import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Aggregation } from "../../src/options/reading.js";
import { openPredictor, type PredictorOptions } from "../../src/predict/open-predictor.js";
import type { Asked } from "../../src/predict/predictor.js";
import type { ModelInput, Prediction } from "../../src/predict/types.js";
import { FIXTURES } from "../support/fixtures.js";

interface InFolder {
  readonly folder: string;
}

/** What transformers' pipelines say: fixtures/generate/pipelines.py. */
interface Goldens {
  readonly classes: readonly (InFolder & {
    readonly text: string;
    readonly text_pair?: string;
    readonly expected: readonly { readonly label: string; readonly score: number }[];
  })[];
  readonly entities: readonly (InFolder & {
    readonly text: string;
    readonly aggregation: Aggregation;
    readonly expected: readonly {
      readonly entity_group: string;
      readonly score: number;
      readonly start: number;
      readonly end: number;
    }[];
  })[];
  readonly answers: readonly (InFolder & {
    readonly question: string;
    readonly context: string;
    readonly none: boolean;
    readonly expected: {
      readonly answer: string;
      readonly score: number;
      readonly start: number;
      readonly end: number;
    };
  })[];
  readonly words: readonly (InFolder & {
    readonly text: string;
    readonly expected: readonly (readonly { readonly id: number; readonly score: number }[])[];
  })[];
  readonly texts: readonly (InFolder & { readonly text: string; readonly ids: readonly number[] })[];
}

const GOLDENS: Goldens = JSON.parse(readFileSync(join(FIXTURES, "predict/pipelines.json"), "utf8"));

/** Scores are probabilities in float32, which the pipeline rounds before and we behind the last sums. */
const DIGITS = 5;

describe.each(foldersOf(GOLDENS.classes))("classes of %s", (folder, cases) => {
  test("are the pipeline's", async () => {
    const found = await predictions(
      folder,
      cases.map(({ text, text_pair: pair }) => ({ kind: "text", text, pair })),
    );
    for (const [i, { expected }] of cases.entries()) {
      expect(found[i]).toEqual({
        kind: "classes",
        labels: expected.map(({ label, score }) => ({ label, score: expect.closeTo(score, DIGITS) })),
      });
    }
  });
});

describe.each(["simple", "first"] as const)("entities, %s", (aggregation) => {
  const given = GOLDENS.entities.filter((one) => one.aggregation === aggregation);
  test.each(foldersOf(given))("of %s are the pipeline's, at its characters", async (folder, cases) => {
    const inputs = cases.map(({ text }) => ({ kind: "text", text }) as const);
    const found = await predictions(folder, inputs, { aggregation });
    for (const [i, { text, expected }] of cases.entries()) {
      expect(found[i]).toEqual({
        kind: "entities",
        labels: undefined,
        entities: expected.map(({ entity_group, score, start, end }) => ({
          entity: entity_group,
          score: expect.closeTo(score, DIGITS),
          start,
          end,
          text: [...text].slice(start, end).join(""),
        })),
      });
    }
  });
});

describe.each([false, true])("answers, with none allowed: %s", (none) => {
  const given = GOLDENS.answers.filter((one) => one.none === none);
  test.each(foldersOf(given))("of %s are the pipeline's, at its characters", async (folder, cases) => {
    const inputs = cases.map(({ question, context }) => {
      return { kind: "text", text: question, pair: context } as const;
    });
    const found = await predictions(folder, inputs, { allowNoAnswer: none });
    for (const [i, { expected }] of cases.entries()) {
      expect(found[i]).toEqual({
        kind: "answer",
        answer: { ...expected, score: expect.closeTo(expected.score, DIGITS) },
      });
    }
  });
});

test.each(foldersOf(GOLDENS.words))("words for masks of %s are the pipeline's", async (folder, cases) => {
  const found = await predictions(
    folder,
    cases.map(({ text }) => ({ kind: "text", text })),
  );
  for (const [i, { expected }] of cases.entries()) {
    expect(found[i]).toEqual({
      kind: "words",
      masks: expected.map((mask) =>
        mask.map(({ id, score }) => ({ id, score: expect.closeTo(score, DIGITS), word: expect.any(String) })),
      ),
    });
  }
});

test.each(foldersOf(GOLDENS.texts))("texts of %s are generate()'s, token by token", async (folder, cases) => {
  const predictor = await openPredictor(join(FIXTURES, folder), {});
  try {
    for (const { text, ids } of cases) {
      const [tokens] = await predictor.tokenize({ kind: "text", text });
      expect(await predictor.write({ ids: tokens?.ids ?? [] }, 12)).toEqual(ids);
    }
  } finally {
    await predictor.close();
  }
});

async function predictions(
  folder: string,
  inputs: readonly ModelInput[],
  options: PredictorOptions = {},
): Promise<Prediction[]> {
  const predictor = await openPredictor(join(FIXTURES, folder), options);
  try {
    const found: Prediction[] = [];
    const asked: Asked[] = inputs.map((input) => ({ input }));
    for await (const { prediction } of predictor.predict(asked)) found.push(prediction);
    return found;
  } finally {
    await predictor.close();
  }
}

/** Cases by the folder of their model. */
function foldersOf<T extends InFolder>(cases: readonly T[]): [folder: string, cases: readonly T[]][] {
  const folders = [...new Set(cases.map(({ folder }) => folder))];
  return folders.map((folder) => [folder, cases.filter((one) => one.folder === folder)]);
}
