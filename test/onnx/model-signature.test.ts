import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exportOnnx } from "../../src/commands/export.js";
import { parseExportOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { openModel, runModel } from "../support/onnx.js";
import { caseSource, globalAttentionOf, goldenInputs, outputGoldens, typesOf } from "./model-cases.js";

const TOKENS = ["batch_size", "sequence_length"] as const;
const CHOICES = ["batch_size", "num_choices", "sequence_length"] as const;

interface Sizes {
  readonly vocab: number;
  readonly labels: number;
}

type Output = readonly [name: string, axes: readonly (string | number)[]];

/** Outputs in their order, by the ending of the class that transformers would open. */
const OUTPUTS: Readonly<Record<string, (sizes: Sizes) => readonly Output[]>> = {
  ForMaskedLM: ({ vocab }) => [["logits", [...TOKENS, vocab]]],
  ForCausalLM: ({ vocab }) => [["logits", [...TOKENS, vocab]]],
  LMHeadModel: ({ vocab }) => [["logits", [...TOKENS, vocab]]],
  BertGenerationDecoder: ({ vocab }) => [["logits", [...TOKENS, vocab]]],
  ForSequenceClassification: ({ labels }) => [["logits", ["batch_size", labels]]],
  ForTokenClassification: ({ labels }) => [["logits", [...TOKENS, labels]]],
  ForMultipleChoice: () => [["logits", ["batch_size", "num_choices"]]],
  ForQuestionAnswering: () => [
    ["start_logits", TOKENS],
    ["end_logits", TOKENS],
  ],
  BertForPreTraining: ({ vocab }) => [
    ["prediction_logits", [...TOKENS, vocab]],
    ["seq_relationship_logits", ["batch_size", 2]],
  ],
  ErnieForPreTraining: ({ vocab }) => [
    ["prediction_logits", [...TOKENS, vocab]],
    ["seq_relationship_logits", ["batch_size", 2]],
  ],
  AlbertForPreTraining: ({ vocab, labels }) => [
    ["prediction_logits", [...TOKENS, vocab]],
    ["sop_logits", ["batch_size", labels]],
  ],
  ElectraForPreTraining: () => [["logits", TOKENS]],
};

describe.each(typesOf("encoder"))("%s", (modelType) => {
  const goldens = outputGoldens(modelType);
  const classes = goldens.cases.flatMap((golden) =>
    golden.model !== null && golden.inputs !== "left" && !golden.name.startsWith("causal-lsg")
      ? [[golden.model, golden] as const]
      : [],
  );

  test.each(classes)("%s: names, types, axes and order of inputs and outputs", async (className, golden) => {
    const folder = await temporaryFolder();
    const source = await caseSource(goldens, golden, folder);
    const asked = globalAttentionOf(golden);
    await exportOnnx(source, join(folder, "out"), parseExportOptions(asked));
    const config = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
    const sizes = {
      vocab: config.vocab_size,
      labels: Object.keys(config.id2label ?? { 0: "", 1: "" }).length,
    };
    const suffix = Object.keys(OUTPUTS).find((ending) => className.endsWith(ending)) ?? "";

    const inputs = goldenInputs(goldens, golden.inputs, golden.lengths.includes(7) ? 7 : 17);
    const session = await openModel(join(folder, "out", "onnx", "model.onnx"));
    const axes = className.endsWith("MultipleChoice") ? CHOICES : TOKENS;
    const names = [
      "input_ids",
      "attention_mask",
      // The reference was given types where a family's inputs have them.
      ...("token_type_ids" in inputs ? ["token_type_ids"] : []),
      ...(asked.globalAttention ? ["global_attention_mask"] : []),
    ];
    expect(session.inputMetadata).toEqual(
      names.map((name) => ({ name, isTensor: true, type: "int64", shape: axes })),
    );
    const expected = OUTPUTS[suffix]?.(sizes) ?? [];
    expect(session.outputMetadata).toEqual(
      expected.map(([name, shape]) => ({ name, isTensor: true, type: "float32", shape })),
    );

    // Three rows of seven tokens, or of two times seven, really have these sizes.
    const length = inputs.input_ids?.dims.at(-1) ?? 0;
    const real: Record<string, number> = { batch_size: 3, num_choices: 2, sequence_length: length };
    const outputs = await runModel(session, inputs);
    for (const [name, shape] of expected) {
      const dims = shape.map((axis) => (typeof axis === "string" ? real[axis] : axis));
      expect(outputs[name]?.dims, name).toEqual(dims);
    }
    await session.release();
  });
});
