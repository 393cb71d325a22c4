import { describe, expect, test } from "vitest";
import type { Config } from "../../src/checkpoint/checkpoint.js";
import { type GenerationSettings, readGenerationSettings } from "../../src/model/generation-settings.js";
import type { InputSource } from "../../src/runtime/input-source.js";
import type { Encoded, Runnable } from "../../src/runtime/runnable.js";
import { checkGeneration } from "../../src/verify/model/check-generation.js";
import { generate, NEW_TOKENS } from "../../src/verify/model/generate.js";

const [START, BOS, END, WORD] = [2, 5, 9, 7];
const PLAIN: GenerationSettings = { start: START, forcedBos: undefined, forcedEos: undefined, ends: [END] };

describe("generate()", () => {
  const always = (id: number) => async () => id;

  test("begins with the start token and writes so many others", async () => {
    expect(await generate(PLAIN, always(WORD))).toEqual([START, ...Array(NEW_TOKENS).fill(WORD)]);
  });

  test("ends with any of the tokens that end a text", async () => {
    const settings = { ...PLAIN, ends: [1, END] };
    expect(await generate(settings, async (ids) => (ids.length < 3 ? WORD : END))).toEqual([
      ...[START, WORD, WORD, END],
    ]);
  });

  test("ends where nothing is chosen", async () => {
    expect(await generate(PLAIN, async (ids) => (ids.length < 2 ? WORD : undefined))).toEqual([START, WORD]);
  });

  test("writes what it is forced to, first and last, without a choice", async () => {
    const chosen: number[] = [];
    const ids = await generate({ ...PLAIN, forcedBos: BOS, forcedEos: END }, async (before) => {
      chosen.push(before.length);
      return WORD;
    });
    expect(ids).toEqual([START, BOS, ...Array(NEW_TOKENS - 2).fill(WORD), END]);
    expect(chosen).toEqual(Array.from({ length: NEW_TOKENS - 2 }, (_, i) => i + 2));
  });
});

describe("the settings of generate()", () => {
  const read = (config: Config, generation?: object) => {
    const contents = new Map<string, Buffer>();
    if (generation) contents.set("generation_config.json", Buffer.from(JSON.stringify(generation)));
    return readGenerationSettings(config, contents);
  };

  test("come from config.json where it is alone", () => {
    const config = { decoder_start_token_id: 2, forced_bos_token_id: 0, eos_token_id: [9, 8] };
    expect(read(config)).toEqual({
      ...{ start: 2, forcedBos: 0, forcedEos: undefined, ends: [9, 8] },
    });
  });

  test("come from generation_config.json alone where that is there", () => {
    const config = { decoder_start_token_id: 2, forced_bos_token_id: 0, eos_token_id: 9 };
    expect(read(config, { bos_token_id: 4, forced_eos_token_id: 1 })).toEqual({
      ...{ start: 4, forcedBos: undefined, forcedEos: 1, ends: [] },
    });
  });

  test("are none without a token to begin with", () => {
    expect(read({ eos_token_id: 9, decoder_start_token_id: null })).toBeUndefined();
  });
});

describe("original and converted model write", () => {
  const [VOCAB, LENGTH] = [4, 6];

  /** A model whose scores behind some tokens are these. */
  function model(scores: (ids: readonly number[]) => readonly number[]): Runnable {
    const outputs: Runnable["outputs"] = async (_, { decoderIds }) => {
      const ids = Array.from(decoderIds?.values ?? []);
      const values = Float32Array.from(ids.flatMap((_, i) => scores(ids.slice(0, i + 1))));
      return { logits: { dims: [1, ids.length, VOCAB], values } };
    };
    const generation = { start: 0, forcedBos: undefined, forcedEos: undefined, ends: [3] };
    const encode = async () => ({}) as Encoded;
    return { outputs, encode, generation, longest: 100, model: { sizes: { vocab: VOCAB } } } as never;
  }

  const inputs: InputSource = {
    padId: 0,
    hasText: true,
    text: (length) => ({ ids: Array(length).fill(1), pad: "right" }),
    random: (length) => ({ ids: Array(length).fill(2), pad: "right" }),
  };
  const check = (original: Runnable, converted: Runnable, lossless_up_to = LENGTH) =>
    checkGeneration({ original, converted, inputs, promise: { lossless_up_to }, seed: 0 } as never);

  /** Words 1 and 2 in turn, then the end. */
  const plain = (ids: readonly number[]) => (ids.length === 4 ? [0, 0, 0, 1] : [0, 1, ids.length % 2, 0]);

  test("the same", async () => {
    expect(await check(model(plain), model(plain))).toMatchObject({
      verdict: "pass",
      detail:
        "inputs of 6 tokens; a text: the same 4 tokens written; random tokens: the same 4 tokens written; scores differ by 0",
      figure: { value: 0, tolerance: 1e-4, length: 6 },
    });
  });

  test("another word where two are as good as equal: a matter of rounding", async () => {
    const [a, b] = [0.5, 0.50004];
    const original = model((ids) => (ids.length === 2 ? [0, b, a, 0] : plain(ids)));
    const converted = model((ids) => (ids.length === 2 ? [0, a, b, 0] : plain(ids)));
    const { verdict, detail } = await check(original, converted);
    expect(verdict).toBe("pass");
    expect(detail).toMatch(/a text: the same 4 tokens written, 1 of them a matter of rounding; /);
  });

  test("another word: fails, and says which", async () => {
    const converted = model((ids) => (ids.length === 3 ? [0, 0, 0.75, 0] : plain(ids)));
    const original = model((ids) => (ids.length === 3 ? [0, 0.75, 0, 0] : plain(ids)));
    const outcome = await check(original, converted);
    expect(outcome).toMatchObject({ verdict: "fail", figure: { value: 0.75 } });
    expect(outcome.detail).toMatch(
      /a text: the same 2 tokens written, then another; random .*, allowed 1e-4$/,
    );
    expect(outcome.findings).toEqual([
      "a text: token 3 is 2, expected 1, which the original prefers by 0.75",
      "a text: scores differ by 0.75",
      "random tokens: token 3 is 2, expected 1, which the original prefers by 0.75",
      "random tokens: scores differ by 0.75",
    ]);
  });

  test("the same by other scores: fails", async () => {
    const converted = model((ids) => plain(ids).map((score) => score * 1.01));
    const outcome = await check(model(plain), converted);
    expect(outcome.verdict).toBe("fail");
    expect(outcome.findings?.[0]).toMatch(/^a text: scores differ by 0\.01/);
  });

  test("nothing that is a number: fails", async () => {
    const outcome = await check(
      model(plain),
      model(() => [NaN, NaN, NaN, NaN]),
    );
    expect(outcome).toMatchObject({ verdict: "fail", figure: { value: Number.POSITIVE_INFINITY } });
  });

  test("something else where nothing was promised: is stated", async () => {
    const outcome = await check(
      model(plain),
      model(() => [2, 0, 0, 0]),
      0,
    );
    expect(outcome.verdict).toBe("stated");
    expect(outcome.detail).toMatch(/^inputs of 48 tokens; a text: other tokens from the first on; /);
    expect(outcome.detail).toMatch(/; nothing is promised$/);
    expect(outcome.figure).toEqual({ value: 2, length: 48 });
  });

  test("nothing, since no config says what to begin with", async () => {
    const original = { ...model(plain), generation: undefined };
    expect(await check(original, model(plain))).toMatchObject({ verdict: "skipped" });
  });
});
