import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LsgError } from "../../src/base/errors.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { readFolder } from "../support/safetensors.js";

const fixture = (modelType: string, folder = "checkpoint") => join(FIXTURES, modelType, folder);
const [ROBERTA, BERT, DISTILBERT] = [fixture("roberta"), fixture("bert"), fixture("distilbert")];
const [ELECTRA, BART, LONGFORMER] = [fixture("electra"), fixture("bart"), fixture("longformer")];

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out");
  await convert(source, output, parseConvertOptions({ to: "longformer", ...given }));
  const config = JSON.parse(readFileSync(join(output, "config.json"), "utf8"));
  return { tensors: readFolder(output), config };
}

async function refusal(source: string, given: Record<string, unknown> = {}): Promise<LsgError> {
  const parent = await temporaryFolder();
  const error = await Promise.resolve()
    .then(() => convert(source, join(parent, "out"), parseConvertOptions({ to: "longformer", ...given })))
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(LsgError);
  expect((error as LsgError).exitCode).toBe(2);
  expect(await readdir(parent), "nothing is written").toEqual([]);
  return error as LsgError;
}

test.each<[crime: string, source: string, message: RegExp]>([
  ["ALBERT", fixture("albert"), /ALBERT has no Longformer variant: its layers share their weights/],
  ["mBART", fixture("mbart"), /mBART has no Longformer variant: its layers are pre-norm/],
  ["Pegasus", fixture("pegasus"), /Pegasus has no Longformer variant: its layers are pre-norm/],
  ["XLM-RoBERTa-XL", fixture("xlm-roberta-xl"), /XLM-RoBERTa-XL has no .*: its layers are pre-norm/],
  ["pre-norm", fixture("roberta-prelayernorm"), /RoBERTa-PreLayerNorm has no .*: its layers are pre-norm/],
  ["narrow embeddings", ELECTRA, /ELECTRA has no .*: its embeddings are narrower than its layers/],
  ["an LSG model", fixture("roberta", "lsg"), /RoBERTa has no .*: it is an LSG checkpoint/],
  ["an LSG model of two parts", fixture("bart", "lsg"), /BART has no .*: it is an LSG checkpoint/],
  [
    "BertGenerationDecoder",
    fixture("bert-generation"),
    /BertGenerationDecoder has no counterpart among Longformer's classes/,
  ],
  ["BertForPreTraining", BERT, /BertForPreTraining has no counterpart among Longformer's classes/],
])("%s", async (_, source, message) => {
  expect((await refusal(source)).message).toMatch(message);
});

test("embeddings that are scaled", async () => {
  const source = await changedCheckpoint(BART, { config: { scale_embedding: true } });
  expect((await refusal(source)).message).toMatch(/scale_embedding is true, and LED does not scale/);
});

test("a causal model", async () => {
  const source = await changedCheckpoint(ROBERTA, { config: { is_decoder: true } });
  expect((await refusal(source)).message).toMatch(/it is causal, and Longformer's windows look both ways/);
  const named = await changedCheckpoint(ROBERTA, { config: { architectures: ["RobertaForCausalLM"] } });
  expect((await refusal(named)).message).toMatch(/RobertaForCausalLM has no counterpart/);
});

const linear = (name: string, out: number) => [
  [`${name}.weight`, { dtype: "F32", shape: [out, 32], bytes: Buffer.alloc(128 * out, 1) }] as const,
  [`${name}.bias`, { dtype: "F32", shape: [out], bytes: Buffer.alloc(4 * out, 1) }] as const,
];

test("DistilBERT's classifier, whose activation is another", async () => {
  const source = await changedCheckpoint(DISTILBERT, {
    config: { architectures: ["DistilBertForSequenceClassification"] },
    tensors: (tensors) => {
      for (const [name, tensor] of [...linear("pre_classifier", 32), ...linear("classifier", 2)])
        tensors.set(name, tensor);
    },
  });
  const error = await refusal(source);
  expect(error.message).toMatch(
    /DistilBertForSequenceClassification cannot become a LongformerForSequenceClassification.* relu .* tanh/,
  );
  expect(error.remedy).toMatch(/--architecture DistilBertModel/);
  expect((await converted(source, { architecture: "DistilBertModel" })).config.architectures).toEqual([
    "LongformerModel",
  ]);
});

/** An ELECTRA without a projection: word, position and type embeddings as wide as its layers. */
const wideElectra = (architecture: string, heads: ReturnType<typeof linear>) =>
  changedCheckpoint(ELECTRA, {
    config: { embedding_size: 32, architectures: [architecture] },
    tensors: (tensors) => {
      for (const [name, tensor] of [...tensors]) {
        const { shape, bytes } = tensor;
        if (name.includes("embeddings_project") || name.startsWith("discriminator_predictions"))
          tensors.delete(name);
        else if (name.startsWith("electra.embeddings.")) {
          const wide = shape.length > 1 ? [shape[0] ?? 0, 32] : [32];
          tensors.set(name, { ...tensor, shape: wide, bytes: Buffer.concat([bytes, bytes]) });
        }
      }
      for (const [name, tensor] of heads) tensors.set(name, tensor);
    },
  });

test("ELECTRA's classifier, whose activation is another, and not what ELECTRA shares with Longformer", async () => {
  const classifier = [...linear("classifier.dense", 32), ...linear("classifier.out_proj", 2)];
  const error = await refusal(await wideElectra("ElectraForSequenceClassification", classifier));
  expect(error.message).toMatch(/ElectraForSequenceClassification cannot become .* gelu .* tanh/);
  const tokens = await wideElectra("ElectraForTokenClassification", linear("classifier", 2));
  const { config, tensors } = await converted(tokens);
  expect(config.architectures).toEqual(["LongformerForTokenClassification"]);
  expect(tensors.get("longformer.embeddings.token_type_embeddings.weight")?.shape).toEqual([2, 32]);
});

test("BERT's language model with another activation than Longformer's", async () => {
  const source = await changedCheckpoint(BERT, {
    config: { architectures: ["BertForMaskedLM"], hidden_act: "relu" },
  });
  expect((await refusal(source)).message).toMatch(/BertForMaskedLM cannot become .* relu .* gelu/);
});

test.each<[crime: string, given: Record<string, unknown>, message: RegExp, remedy: RegExp]>([
  ["odd windows", { attentionWindow: "7" }, /--attention-window 7 is odd/, /Use 6 or 8/],
  ["no window", { attentionWindow: "0" }, /attention-window/, /./],
  ["a window that is text", { attentionWindow: "8,wide" }, /attention-window/, /./],
  ["windows for other layers", { attentionWindow: "8,8,8" }, /3 numbers for 2 layers/, /for each layer/],
  ["steps for other layers", { attentionDilation: "1,2,3" }, /--attention-dilation: 3 numbers for 2/, /./],
  [
    "steps for other heads",
    { attentionDilation: "1,1:2:1" },
    /--attention-dilation: 1:2:1 for layer 1 has 3 numbers for 4 heads/,
    /for each head, parted by colons/,
  ],
  ["a step that is text", { attentionDilation: "1,2:x" }, /whole numbers from 1 to .* heads by colons/, /./],
  ["no step", { attentionDilation: "0" }, /must be above 0/, /./],
  [
    "steps as far as an input is long",
    { attentionDilation: "4096", maxSequenceLength: 4096 },
    /--attention-dilation 4096: inputs have at most 4096 tokens/,
    /Use at most 4095/,
  ],
  ["windows that transformers cannot run", { attentionWindow: "8,12" }, /8 does not divide.* 12/, /divide/],
  ["a window of two", { attentionWindow: "2" }, /2 is below 4/, /./],
  ["a block size", { blockSize: 128 }, /--block-size is LSG's/, /Leave it out/],
  ["a sparsity type", { modelKwargs: { sparsity_type: "norm" } }, /--sparsity-type is LSG's/, /Leave it out/],
  ["global tokens", { numGlobalTokens: 2 }, /--num-global-tokens is LSG's/, /Leave it out/],
  [
    "Longformer's windows for LSG",
    { to: "lsg", attentionWindow: "8" },
    /--attention-window is Longformer's/,
    /Use --to longformer, or leave it out/,
  ],
  ["Longformer's steps without --to", { to: undefined, attentionDilation: "2" }, /dilation is Long/, /--to/],
  [
    "Longformer's globals for LSG",
    { to: "lsg", globalAttention: "input", onnx: true },
    /--global-attent/,
    /--to/,
  ],
  [
    "a stride of global tokens",
    { globalPositionalStride: 32 },
    /--global-positional-stride is LSG's/,
    /Leave/,
  ],
  ["token types of global tokens", { useTokenIds: false }, /--no-use-token-ids is LSG's: a Longf/, /Leave/],
  ["drawn global tokens", { randomGlobalInit: true }, /--random-global-init is LSG's/, /Leave/],
  ["a global token to keep", { keepFirstGlobalToken: true }, /--keep-first-global-token is LSG's/, /Leave/],
  ["an LSG model's length", { resizeLsg: true }, /--resize-lsg is LSG's/, /Leave/],
  ["an unknown variant", { to: "bigbird" }, /--to/, /./],
  ["another family's class", { architecture: "BertModel" }, /BertModel/, /LongformerForMaskedLM/],
])("%s", async (_, given, message, remedy) => {
  const error = await refusal(ROBERTA, given);
  expect(error.message).toMatch(message);
  expect(error.remedy).toMatch(remedy);
});

test("a Longformer as LSG", async () => {
  const error = await refusal(LONGFORMER, { to: "lsg" });
  expect(error.message).toMatch(/--to lsg: Longformer has no LSG variant/);
});
