import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { decodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { type ReadTensor, readFolder } from "../support/safetensors.js";
import { type TinyModel, writeTinyModel } from "../support/tiny-model.js";
import { writeSmallBart } from "../verify/small-bart.js";

const TOKENS = ["[question]", "[/question]", "[ent]", "[/ent]"];

type Given = Readonly<Record<string, unknown>>;

/** What a conversion wrote. */
async function added(source: string, given: Given = {}) {
  const folder = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, folder, parseConvertOptions({ addTokens: TOKENS.join(), ...given }));
  const json = (file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  return {
    plan,
    tensors: readFolder(folder),
    json,
    text: (file: string) => readFileSync(join(folder, file), "utf8"),
  };
}

const values = (tensor: ReadTensor | undefined) => {
  if (!tensor || !["F32", "F16", "BF16"].includes(tensor.dtype)) throw new Error("no floats");
  return decodeFloats(tensor.bytes, tensor.dtype as "F32");
};

/** The old values of a tensor are those of the source, byte for byte. @returns what stands behind them */
function behind(before: ReadTensor | undefined, after: ReadTensor | undefined): ArrayLike<number> {
  if (!before || !after) throw new Error("a tensor is missing");
  expect(after.dtype).toBe(before.dtype);
  expect(after.bytes.subarray(0, before.bytes.length).equals(before.bytes)).toBe(true);
  return values(after).subarray(values(before).length);
}

/** Values that were drawn: none like another, of about that deviation. */
function expectDrawn(drawn: ArrayLike<number>, deviation: number): void {
  const all = Array.from(drawn);
  expect(new Set(all).size).toBeGreaterThan(0.9 * all.length);
  const found = Math.sqrt(all.reduce((sum, x) => sum + x * x, 0) / all.length);
  // Of 64 draws, the fewest here, it is off by more than a third once in 10,000 seeds.
  expect(found / deviation).toBeGreaterThan(0.67);
  expect(found / deviation).toBeLessThan(1.33);
}

describe("every model type that words are added to", () => {
  const cases = [
    ["bert", "lsg", "bert.embeddings.word_embeddings.weight"],
    ["albert", "lsg", "albert.embeddings.word_embeddings.weight"],
    ["xlm-roberta", "longformer", "longformer.embeddings.word_embeddings.weight"],
    ["distilbert", "longformer", "longformer.embeddings.word_embeddings.weight"],
    ["longformer", "longformer", "longformer.embeddings.word_embeddings.weight"],
    ["bart", "longformer", "led.shared.weight"],
    ["roberta", "windows", "roberta.embeddings.word_embeddings.weight"],
    ["mbart", "windows", "model.shared.weight"],
    ["pegasus", "lsg", "model.shared.weight"],
  ] as const;
  test.each(cases)("%s --to %s", async (type, to, name) => {
    const source = join(FIXTURES, type, "checkpoint");
    const { tensors, json, plan } = await added(source, { to });
    const before = JSON.parse(readFileSync(join(source, "config.json"), "utf8")).vocab_size;
    const ids = Object.fromEntries(TOKENS.map((token, i) => [token, before + i]));
    expect(json("config.json").vocab_size).toBe(before + 4);
    expect(json("lsg_conversion.json").added_tokens).toEqual(ids);
    expect(plan.notes.join()).toContain(`[ent] (${before + 2})`);
    const { dtype, shape } = tensors.get(name) ?? { dtype: "F32", shape: [] };
    expect(shape[0]).toBe(before + 4);
    const drawn = Array.from(values(tensors.get(name))).slice(-4 * (shape[1] ?? 0));
    expectDrawn(drawn, json("config.json").initializer_range ?? json("config.json").init_std ?? 0.02);
    expect(["F32", "F16", "BF16"]).toContain(dtype);
    const listed = json("tokenizer.json").added_tokens.map(({ content, id }: Given) => [content, id]);
    expect(Object.fromEntries(listed)).toMatchObject(ids);
  });
});

describe("a language model", () => {
  const source = join(FIXTURES, "roberta", "checkpoint");
  const before = readFolder(source);

  test("words and bias keep their values and get new ones behind", async () => {
    const { tensors } = await added(source);
    const word = "roberta.embeddings.word_embeddings.weight";
    expectDrawn(behind(before.get(word), tensors.get(word)), 0.02);
    const bias = behind(before.get("lm_head.bias"), tensors.get("lm_head.bias"));
    expect(Array.from(bias)).toEqual([0, 0, 0, 0]);
    for (const [name, tensor] of before) {
      if (!tensors.has(name) || /word_embeddings|lm_head\.bias|position_embeddings/.test(name)) continue;
      expect(tensors.get(name)?.bytes.equals(tensor.bytes), name).toBe(true);
    }
  });

  test("the same seed draws the same, another others", async () => {
    const word = "roberta.embeddings.word_embeddings.weight";
    const bytes = async (seed: number) => (await added(source, { seed })).tensors.get(word)?.bytes;
    const [first, again, other] = [await bytes(1), await bytes(1), await bytes(2)];
    expect(first?.equals(again as Buffer)).toBe(true);
    expect(first?.equals(other as Buffer)).toBe(false);
  });

  test("the model card and the tokenizer's files tell of them", async () => {
    const { text, json } = await added(source);
    expect(text("README.md")).toContain("## Added tokens");
    expect(text("README.md")).toContain("| `[/ent]` | `143` |");
    const { additional_special_tokens, added_tokens_decoder } = json("tokenizer_config.json");
    expect(additional_special_tokens).toEqual(TOKENS);
    expect(json("special_tokens_map.json").additional_special_tokens).toEqual(TOKENS);
    expect(added_tokens_decoder[142]).toMatchObject({ content: "[ent]", special: true, normalized: false });
    expect(json("lsg_conversion.json").options.add_tokens).toEqual(TOKENS);
  });
});

describe("an encoder-decoder that writes", () => {
  const write = async (config: Given, shapes = {}) =>
    writeSmallBart(join(await temporaryFolder(), "bart"), { config, shapes });

  test("its bias of all words, one row, goes on with zeros", async () => {
    const source = await write({});
    const { tensors } = await added(source);
    const bias = "final_logits_bias";
    expect(tensors.get(bias)?.shape).toEqual([1, 134]);
    expect(Array.from(behind(readFolder(source).get(bias), tensors.get(bias)))).toEqual([0, 0, 0, 0]);
  });

  test("words and output layer are drawn apart where they are two, and alike where they are one", async () => {
    const copies = { "lm_head.weight": [130, 8], "model.encoder.embed_tokens.weight": [130, 8] };
    const rows = async (tied: boolean, name: string) => {
      const source = await write({ tie_word_embeddings: tied }, copies);
      const { tensors } = await added(source);
      return behind(readFolder(source).get(name), tensors.get(name));
    };
    const words = await rows(false, "model.shared.weight");
    expect(await rows(false, "model.encoder.embed_tokens.weight")).toEqual(words);
    expect(await rows(false, "lm_head.weight")).not.toEqual(words);
    expect(await rows(true, "lm_head.weight")).toEqual(await rows(true, "model.shared.weight"));
  });
});

describe("a vocabulary that is padded", () => {
  const WORDS = "embeddings.word_embeddings.weight";
  const padded = (rows: number): Promise<string> => {
    const model: TinyModel = { config: { vocab_size: rows }, shapes: { [WORDS]: [rows, 4] } };
    return writeTinyModel(model);
  };

  test.each([
    ["room for all", 10, 10],
    ["room for one", 7, 10],
    ["more than is needed", 16, 16],
  ])("%s: rows stay", async (_, before, after) => {
    const source = await padded(before);
    const { tensors, json } = await added(source);
    expect(json("config.json").vocab_size).toBe(after);
    expect(json("lsg_conversion.json").added_tokens["[question]"]).toBe(6);
    const drawn = behind(readFolder(source).get(WORDS), tensors.get(WORDS));
    expect(drawn.length).toBe((after - before) * 4);
  });

  test("of fewer rows than the tokenizer has tokens", async () => {
    const source = await padded(5);
    const { tensors } = await added(source, { addTokens: "[ent]", useTokenIds: false });
    expect(tensors.get(WORDS)?.shape).toEqual([7, 4]);
  });
});

test("a token that is there keeps its id and its row", async () => {
  const source = await writeTinyModel();
  const { json, plan, tensors } = await added(source, { addTokens: "word" });
  expect(json("lsg_conversion.json").added_tokens).toEqual({ word: 5 });
  expect(json("config.json").vocab_size).toBe(6);
  expect(json("added_tokens.json")).toEqual({ word: 5 });
  expect(json("tokenizer_config.json")).toEqual({
    additional_special_tokens: ["word"],
    model_max_length: 4096,
  });
  expect(plan.notes).toContain("In the vocabulary already: word (5).");
  expect(tensors.get("embeddings.word_embeddings.weight")?.shape).toEqual([6, 4]);
});

describe("what cannot be added", () => {
  test.each([
    ["[ent],,[/ent]", /--add-tokens "\[ent\],,\[\/ent\]": a token is empty/],
    ["[ent],[ent]", /a token stands there twice/],
  ])("%s", (addTokens, message) => {
    expect(() => parseConvertOptions({ addTokens })).toThrow(message);
  });

  test("tokens to an empty vocabulary", async () => {
    const source = await writeTinyModel({ files: { "vocab.txt": "" } });
    await expect(added(source)).rejects.toThrow(/name the token "\[CLS\]" and give it no id/);
  });
});
