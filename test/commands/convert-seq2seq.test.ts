import { readFileSync } from "node:fs";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { decodeFloats } from "../../src/safetensors/floats.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { type ReadTensor, readFolder } from "../support/safetensors.js";

const BART = join(FIXTURES, "bart", "checkpoint");
const WORDS = "model.shared.weight";
const SPELLINGS = [
  "model.encoder.embed_tokens.weight",
  "model.decoder.embed_tokens.weight",
  "lm_head.weight",
] as const;

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, output, parseConvertOptions(given));
  const json = (file: string) => JSON.parse(readFileSync(join(output, file), "utf8"));
  return { plan, tensors: readFolder(output), json };
}

describe("word embeddings", () => {
  test.each(SPELLINGS)("that are only there as %s get their first name", async (spelling) => {
    const expected = readFolder(BART).get(WORDS);
    const source = await changedCheckpoint(BART, {
      tensors: (tensors) => {
        tensors.set(spelling, tensors.get(WORDS) as ReadTensor);
        tensors.delete(WORDS);
      },
    });
    const { tensors, plan } = await converted(source);
    expect(tensors.get(WORDS)?.bytes.equals(expected?.bytes ?? Buffer.alloc(0))).toBe(true);
    for (const other of SPELLINGS) expect(tensors.has(other), other).toBe(false);
    expect(plan.dropped).toEqual([]);
  });

  test("that one storage holds four times are written once", async () => {
    const { tensors, plan } = await converted(join(FIXTURES, "mbart", "checkpoint"));
    expect(tensors.has(WORDS)).toBe(true);
    expect(plan.dropped.map(({ name }) => name).sort()).toEqual([...SPELLINGS].sort());
  });

  test("are repeated for both stacks where weights are not tied, and the output layer is its own", async () => {
    const source = await changedCheckpoint(BART, {
      config: { tie_word_embeddings: false },
      tensors: (tensors) => {
        const { dtype, shape, bytes } = tensors.get(WORDS) as ReadTensor;
        tensors.set("lm_head.weight", { dtype, shape, bytes: Buffer.from(bytes).reverse() });
      },
    });
    const { tensors } = await converted(source);
    const words = tensors.get(WORDS)?.bytes;
    expect(tensors.get(SPELLINGS[0])?.bytes).toEqual(words);
    expect(tensors.get(SPELLINGS[1])?.bytes).toEqual(words);
    expect(tensors.get("lm_head.weight")?.bytes).not.toEqual(words);
  });

  test("that are not tied, without an output layer, are the base model's", async () => {
    const source = await changedCheckpoint(BART, { config: { tie_word_embeddings: false } });
    expect((await converted(source)).plan.record.architecture).toBe("LSGBartModel");
  });
});

describe("positions", () => {
  test("of both stacks are lengthened behind their two offset rows", async () => {
    const { tensors, json } = await converted(BART, { maxSequenceLength: 1500 });
    const source = readFolder(BART);
    for (const stack of ["encoder", "decoder"]) {
      const name = `model.${stack}.embed_positions.weight`;
      const [long, short] = [tensors.get(name), source.get(name)];
      expect(long?.shape).toEqual([1502, 32]);
      const row = (table: ReadTensor | undefined, i: number) => table?.bytes.subarray(i * 64, (i + 1) * 64);
      expect(row(long, 1)).toEqual(row(short, 1));
      expect(row(long, 2 + 512)).toEqual(row(short, 2));
      expect(row(long, 1501)).toEqual(row(short, 2 + (1499 % 512)));
    }
    expect(json("config.json").max_position_embeddings).toBe(1500);
  });

  const PEGASUS = join(FIXTURES, "pegasus", "checkpoint");
  const TABLE = "model.decoder.embed_positions.weight";

  test("that are sinusoids go on, behind the source's own rows", async () => {
    const source = await changedCheckpoint(PEGASUS, {
      tensors: (tensors) => tensors.get(TABLE)?.bytes.writeFloatLE(7, 4 * 32 * 5),
    });
    const [faithful, reference] = [
      await converted(source, { maxSequenceLength: 2048 }),
      await converted(source, { maxSequenceLength: 2048, preset: "reference" }),
    ].map(({ tensors }) => decodeFloats(tensors.get(TABLE)?.bytes ?? Buffer.alloc(0), "F32"));
    expect(faithful?.[32 * 5]).toBe(7);
    expect(reference?.[32 * 5]).toBe(Math.fround(Math.sin(5)));
    // Row 2000: sines first, cosines behind.
    expect(faithful?.[32 * 2000]).toBe(Math.fround(Math.sin(2000)));
    expect(faithful?.[32 * 2000 + 17]).toBe(Math.fround(Math.cos(2000 / 10000 ** (2 / 32))));
  });

  test("that a checkpoint lacks are computed in full precision", async () => {
    const { tensors, plan } = await converted(join(FIXTURES, "pegasus", "checkpoint-no-positions"));
    expect(tensors.get(TABLE)).toMatchObject({ dtype: "F32", shape: [4096, 32] });
    expect(plan.record.max_sequence_length).toEqual({ from: 512, to: 4096 });
  });
});

describe("settings of generate()", () => {
  test("are raised where they ended with the position table, and nowhere else", async () => {
    const { json } = await converted(BART);
    expect(json("generation_config.json").max_length).toBe(4096);
    expect(json("config.json").max_length).toBe(142);
    const { json: mbart } = await converted(join(FIXTURES, "mbart", "checkpoint"));
    expect(mbart("config.json").max_length).toBe(4096);
  });
});

describe("global tokens", () => {
  test("are kept from the decoder by the faithful preset, and passed by the reference's", async () => {
    for (const [preset, passed] of [
      ["faithful", false],
      ["reference", true],
    ] as const) {
      const { json, plan } = await converted(BART, { preset });
      expect(json("config.json").pass_global_tokens_to_decoder).toBe(passed);
      expect(plan.record.promise.lossless_up_to).toBe(passed ? 0 : 512);
    }
    const { json } = await converted(BART, { passGlobalTokensToDecoder: true });
    expect(json("config.json").pass_global_tokens_to_decoder).toBe(true);
  });

  test("of an encoder have no decoder to be passed to", async () => {
    const bert = join(FIXTURES, "bert", "checkpoint");
    await expect(converted(bert, { passGlobalTokensToDecoder: true })).rejects.toThrow(
      /--pass-global-tokens-to-decoder: BERT has no decoder/,
    );
    const { json } = await converted(bert);
    expect(json("config.json")).not.toHaveProperty("pass_global_tokens_to_decoder");
  });

  test("start from the decoder's first token where there is no bos", async () => {
    const source = await changedCheckpoint(join(FIXTURES, "pegasus", "checkpoint"), {
      config: { bos_token_id: null, decoder_start_token_id: 6 },
    });
    const [with_, without] = [
      await converted(join(FIXTURES, "pegasus", "checkpoint")),
      await converted(source),
    ];
    const table = "model.encoder.global_embeddings.weight";
    // The fixture's bos is 6.
    expect(without.tensors.get(table)?.bytes).toEqual(with_.tensors.get(table)?.bytes);
  });
});

test("a mask token for which there is no embedding is not needed", async () => {
  // As in bart-large-cnn: the tokenizer has one word more than the weights.
  const source = await changedCheckpoint(join(FIXTURES, "mbart", "checkpoint-classifier"), {
    tensors: () => {},
  });
  const config = JSON.parse(readFileSync(join(source, "tokenizer_config.json"), "utf8"));
  await writeFile(join(source, "tokenizer_config.json"), JSON.stringify({ ...config, mask_token: "<far>" }));
  const json = JSON.parse(readFileSync(join(source, "tokenizer.json"), "utf8"));
  const far = { id: 4000, content: "<far>", single_word: false, lstrip: false, rstrip: false };
  const added = [...json.added_tokens, { ...far, normalized: false, special: true }];
  await writeFile(join(source, "tokenizer.json"), JSON.stringify({ ...json, added_tokens: added }));
  const { plan } = await converted(source);
  expect(plan.record.promise.lossless_up_to).toBe(700);
});

describe("classes", () => {
  test.each([
    ["mbart", "Bart", "ForConditionalGeneration", "MBart"],
    ["camembert", "Roberta", "ForSequenceClassification", "Camembert"],
    ["xlm-roberta", "Roberta", "ForTokenClassification", "XLMRoberta"],
  ])(
    "of a relative in the config of a %s are its own, as in transformers",
    async (type, named, suffix, prefix) => {
      const original = join(FIXTURES, type, "checkpoint");
      const source = join(await temporaryFolder(), "source");
      await cp(original, source, { recursive: true });
      const own = await readFile(join(original, "config.json"), "utf8");
      const config = { ...JSON.parse(own), architectures: [named + suffix] };
      await writeFile(join(source, "config.json"), JSON.stringify(config));
      const [asNamed, asItIs] = [await converted(source), await converted(original)];
      expect(asNamed.json("config.json").architectures).toEqual([`LSG${prefix}${suffix}`]);
      expect(asNamed.plan.record.architecture).toBe(`LSG${prefix}${suffix}`);
      expect([...asNamed.tensors.keys()]).toEqual([...asItIs.tensors.keys()]);
      const note = `config.json names ${named}${suffix}; by its model_type, ${type}, transformers opens ${prefix}${suffix}, and so does lsg.`;
      expect(asNamed.plan.notes).toContain(note);
      expect(asItIs.plan.notes.join()).not.toMatch(/by its model_type/);
    },
  );

  test("a base model becomes one that generates, without a head to be trained", async () => {
    const base = join(FIXTURES, "bart", "checkpoint-base");
    const { plan, tensors } = await converted(base, { architecture: "BartForConditionalGeneration" });
    expect(plan.record.architecture).toBe("LSGBartForConditionalGeneration");
    expect(plan.notes.join()).not.toMatch(/must be trained/);
    expect(tensors.get("final_logits_bias")?.bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("a new classifier is a head to be trained", async () => {
    const { plan } = await converted(BART, { architecture: "BartForSequenceClassification" });
    expect(plan.notes.join()).toMatch(/must be trained: classification_head.dense.weight/);
    expect(plan.dropped.map(({ name }) => name)).toEqual(["final_logits_bias"]);
  });

  test("a decoder alone is refused with the reason", async () => {
    const source = await changedCheckpoint(BART, { config: { architectures: ["BartForCausalLM"] } });
    const decoderAlone = /BartForCausalLM, which cannot be converted: it is a decoder alone/;
    await expect(converted(source)).rejects.toThrow(decoderAlone);
    await expect(converted(BART, { architecture: "BartForCausalLM" })).rejects.toThrow(decoderAlone);
    await expect(converted(source, { to: "windows" })).rejects.toThrow(/^(?!.*LSG).*decoder alone/);
  });

  test.each([
    ["decoder_attention_heads", 3, /3 attention heads don't divide the width 32/],
    ["decoder_layers", 4, /"model.decoder.layers.3.self_attn.q_proj.weight" is missing/],
    ["decoder_ffn_dim", 41, /has shape \[40,32\], config.json says \[41,32\]/],
  ])("a decoder whose %s is %j is refused", async (key, value, message) => {
    const source = await changedCheckpoint(BART, { config: { [key]: value } });
    const parent = await temporaryFolder();
    const conversion = convert(source, join(parent, "out"), parseConvertOptions({}));
    await expect(conversion).rejects.toThrow(message);
    expect(await readdir(parent)).toEqual([]);
  });

  test("BARThez under the reference's name is told what it is", async () => {
    const source = await changedCheckpoint(BART, { config: { model_type: "barthez" } });
    await expect(converted(source)).rejects.toMatchObject({ remedy: expect.stringMatching(/is an mBART/) });
  });
});
