import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FIXTURES } from "../support/fixtures.js";
import { flipBit, remove, set } from "./damage.js";
import { type SmallModel, writeSmallBert } from "./small-bert.js";
import { checksOf, convertedSmallBert, failing, textOf, verdictOf } from "./support.js";

const OUTPUTS = ["lossless", "lossless-head", "predictions"];

const small = convertedSmallBert();

test("another checkpoint of the same type and size is not the original", async () => {
  const folder = await small.copy();
  const other = writeSmallBert(`${folder}-other`, { seed: 2 });
  const { checks, verdict } = await verdictOf(folder, { against: other });
  expect(verdict).toBe("falls_short");
  expect(failing(checks)).toEqual(["source", "weights", ...OUTPUTS]);
  expect(textOf(checks, "weights")).toMatch(/27 differences from the plan in 27 tensors/);
});

test("one that was trained a step further is not the original", async () => {
  const folder = await small.copy();
  const other = `${folder}-other`;
  cpSync(small.source, other, { recursive: true });
  flipBit("model.safetensors", -1)(other);
  const checks = await checksOf(folder, { against: other }, "outputs");
  expect(failing(checks).slice(0, 2)).toEqual(["source", "weights"]);
  expect(textOf(checks, "weights")).toMatch(/1 difference from the plan in 27 tensors/);
});

test("one with another head is not the original", async () => {
  const folder = await small.copy();
  const other = writeSmallBert(`${folder}-other`, { config: { architectures: ["BertModel"] } });
  const checks = await checksOf(folder, { against: other }, "outputs");
  expect(failing(checks)).toEqual(["source", "config", "files", "weights"]);
  expect(textOf(checks, "config")).toMatch(
    /architectures\.0 is "LSGBertForMaskedLM", expected "LSGBertModel"/,
  );
});

test.each<[string, SmallModel]>([
  [
    "fewer words",
    {
      shapes: { "bert.embeddings.word_embeddings.weight": [95, 4], "cls.predictions.bias": [95] },
      config: { vocab_size: 95 },
    },
  ],
  [
    "fewer token types",
    {
      shapes: { "bert.embeddings.token_type_embeddings.weight": [1, 4] },
      config: { type_vocab_size: 1 },
    },
  ],
  [
    "fewer positions",
    {
      shapes: { "bert.embeddings.position_embeddings.weight": [20, 4] },
      config: { max_position_embeddings: 20 },
    },
  ],
])("one with %s is not the original", async (_, model) => {
  const folder = await small.copy();
  const other = writeSmallBert(`${folder}-other`, model);
  const checks = await checksOf(folder, { against: other }, "outputs");
  expect(failing(checks)).toEqual(expect.arrayContaining(["config", "weights", "lossless"]));
  expect(textOf(checks, "weights")).toMatch(/embeddings\.\w+_embeddings\.weight/);
});

test.each(["bert", "roberta", "albert"])("a %s of another size is not the original", async (type) => {
  const against = join(FIXTURES, type, "checkpoint");
  const checks = await checksOf(small.folder, { against }, "outputs");
  expect(failing(checks)).toEqual(expect.arrayContaining(["config", "weights", "lossless"]));
  expect(textOf(checks, "weights")).toMatch(/embeddings\.word_embeddings\.weight/);
});

test("several crimes at once have a line each", async () => {
  const folder = await small.copy();
  set("config.json", "hidden_act", "relu")(folder);
  set("tokenizer_config.json", "model_max_length", 512)(folder);
  remove("modeling_lsg_bert.py")(folder);
  const { checks, summary } = await verdictOf(folder, { against: small.source });
  expect(failing(checks)).toEqual(["config", "files", "modeling", "length", ...OUTPUTS]);
  expect(summary).toMatch(/NOT what it claims to be: 7 of \d+ checks failed/);
});
