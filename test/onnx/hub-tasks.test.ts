import { PIPELINE_DATA } from "@huggingface/tasks";
import { describe, expect, test } from "vitest";
import { allArchitectures } from "../../src/architectures/architectures.js";
import { classNameOf } from "../../src/architectures/class-names.js";
import { type AutoClass, hubTask } from "../../src/architectures/tasks.js";
import { headOf } from "../../src/model/classes.js";

/** What the pipelines of transformers open with each auto class, where the Hub has a task of that name. */
const PIPELINES: Partial<Record<AutoClass, string>> = {
  Model: "feature-extraction",
  MaskedLM: "fill-mask",
  CausalLM: "text-generation",
  Seq2SeqLM: "text-generation",
  SequenceClassification: "text-classification",
  TokenClassification: "token-classification",
  QuestionAnswering: "question-answering",
  MultipleChoice: "multiple-choice",
};

/** Pre-training heads that hold a language model's are opened by the pipeline fill-mask. */
const FILL_MASK = ["AlbertForPreTraining", "BertForPreTraining", "ErnieForPreTraining"];

/** They tell replaced words, and whether one sentence follows another: the Hub has no task for either. */
const WITHOUT = ["ElectraForPreTraining", "BertForNextSentencePrediction", "ErnieForNextSentencePrediction"];

const classes = (await allArchitectures()).flatMap((architecture) =>
  Object.entries(architecture.heads).map(([key, head]) => {
    const name = classNameOf(architecture, key);
    return { name, head, recorded: headOf(architecture, `LSG${name}`) };
  }),
);

describe("the Hub's task of every class", () => {
  test.each(classes)("$name", ({ name, head, recorded }) => {
    expect(recorded).toBe(head);
    const expected = FILL_MASK.includes(name) ? "fill-mask" : PIPELINES[head.auto];
    expect(hubTask(head)).toBe(WITHOUT.includes(name) ? undefined : expected);
    if (expected === undefined) expect(WITHOUT).toContain(name);
    else expect(Object.keys(PIPELINE_DATA)).toContain(expected);
  });
});
