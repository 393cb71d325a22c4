import { describe, expect, test } from "vitest";
import type { Head } from "../../../src/architectures/architecture.js";
import { findArchitecture, modelTypes } from "../../../src/architectures/architectures.js";
import { classNameOf } from "../../../src/architectures/class-names.js";
import { ownVariant } from "../../../src/attention/variants.js";
import { firstTokenUse, MERGES_BY_USE, type WindowsConfig } from "../../../src/attention/windows.js";
import { findTemplate } from "../../../src/tokenizer/template.js";
import { shortCheckpoint } from "../../support/short-checkpoint.js";
import { shareOf, variants } from "../../support/variants.js";
import { longPair, SIZE } from "./windows-models.js";
import "../../support/one-thread.js";

const ARCHITECTURES = await Promise.all(modelTypes().map((type) => findArchitecture(type)));
const TYPES = ARCHITECTURES.filter((architecture) => ownVariant(architecture) === "full");

/**
 * Every class of a model type but causal ones, with each merge that it knows and none: there are none of a first token that
 * no window repeats.
 */
function cases(architecture: (typeof TYPES)[number]): [className: string, merge: string | undefined][] {
  return Object.entries<Head>(architecture.heads)
    .filter(([, { auto }]) => auto !== "CausalLM")
    .flatMap(([key, head]) => {
      const use = firstTokenUse(architecture, head);
      const isMerged =
        use === "logits of a decoder" || findTemplate(new Map(), architecture.tokenizerClass).head > 0;
      const merges = isMerged ? MERGES_BY_USE[use].filter((merge) => merge !== "least") : [];
      return [undefined, ...merges.slice(1)].map((merge): [string, string | undefined] => [
        classNameOf(architecture, key),
        merge,
      ]);
    });
}

describe.each(TYPES.map((architecture, i) => [architecture.modelType, architecture, i] as const))(
  "long inputs of %s follow from each window alone",
  (modelType, architecture, i) => {
    // Few of them, as most of what they are made of is the same; of few classes a share of the share may be none.
    const share = shareOf(cases(architecture), i);
    const few = shareOf(share, i);
    test.each(few.length > 0 ? few : share.slice(0, 1))("%s, merged by %s", async (className, merge) => {
      const source = await shortCheckpoint(modelType, SIZE);
      const { compare } = await longPair(source, { architecture: className, ...(merge && { merge }) });
      const { verdict, detail, findings } = await compare();
      expect({ verdict, findings }, detail).toEqual({ verdict: "pass", findings: undefined });
    });
  },
);

describe("windows that are not those of config.json are found", () => {
  const FAULTS: Readonly<Record<string, Partial<WindowsConfig>>> = {
    "more that is shared": { window_overlap: 9 },
    "less that is shared": { window_overlap: 3 },
    "no first token in each": { window_head: 0 },
    "two first tokens in each": { window_head: 2 },
    "no last token in each": { window_tail: 0 },
    "two last tokens in each": { window_tail: 2 },
    "another merge": { window_merge: "max" },
    "the mean of what windows give": { window_merge: "mean" },
    "a window less long": { window_size: SIZE - 1 },
  };
  // Models without types know a pair by what separates its texts.
  const MODELS: [modelType: string, className: string, separator: number[]][] = [
    ["roberta", "RobertaForSequenceClassification", []],
    ["distilbert", "DistilBertForSequenceClassification", [7]],
    ["mpnet", "MPNetForSequenceClassification", [2]],
  ];
  test.each(variants(MODELS))("of %s", async (modelType, architecture, separator) => {
    const { compare } = await longPair(await shortCheckpoint(modelType, SIZE), { architecture });
    for (const [name, fault] of Object.entries({ ...FAULTS, separators: { window_separator: separator } })) {
      const { verdict } = await compare(fault);
      expect(verdict, name).toBe("fail");
    }
  });
});
