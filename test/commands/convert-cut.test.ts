import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { longformerType } from "../../src/architectures/architecture.js";
import { findArchitecture, modelTypes } from "../../src/architectures/architectures.js";
import { classNameOf } from "../../src/architectures/class-names.js";
import { LsgError } from "../../src/base/errors.js";
import { summarise } from "../../src/cli/convert.js";
import { convert } from "../../src/commands/convert.js";
import { positionOffset } from "../../src/model/positions.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { readFolder } from "../support/safetensors.js";
import { positionTables, rowsOf, shortCheckpoint } from "../support/short-checkpoint.js";
import { writeTinyModel } from "../support/tiny-model.js";
import { writeSmallBert } from "../verify/small-bert.js";
import { expectSound } from "../verify/support.js";

keepTokenizers();

/** Tokens that a source reads, and that its conversion does. */
const [FROM, TO] = [32, 20];

type Given = Readonly<Record<string, unknown>>;

async function converted(source: string, given: Given) {
  const folder = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, folder, parseConvertOptions(given));
  return { folder, plan };
}

const json = (folder: string, file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));

/** Expects the source's own rows, from the first on, in every table of positions. */
async function expectOwnRows(modelType: string, source: string, folder: string, to = TO): Promise<void> {
  const architecture = await findArchitecture(modelType);
  const rows = positionOffset(architecture, json(source, "config.json")) + to;
  const [before, after] = [readFolder(source), readFolder(folder)];
  const names = positionTables(architecture, before.keys());
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const table = before.get(name);
    expect(after.get(name), name).toEqual(table && rowsOf(table, 0, rows));
  }
}

const types = await Promise.all(modelTypes().map(findArchitecture));
const lsgTypes = types.filter(({ encoder }) => encoder.embeddings.global !== undefined);

describe.each(lsgTypes.map(({ modelType }) => modelType))(
  "a %s cut to fewer tokens than it reads",
  (modelType) => {
    test("gives what the source gave, up to the last token", async () => {
      const source = await shortCheckpoint(modelType, FROM);
      const { folder, promised } = await expectSound(source, { maxSequenceLength: TO }, [1, TO / 2, TO]);
      expect(promised).toBe(TO);
      expect(json(folder, "config.json").block_size).toBe(TO / 2);
      expect(json(folder, "lsg_conversion.json").max_sequence_length).toEqual({ from: FROM, to: TO });
      await expectOwnRows(modelType, source, folder);
    });

    test("with the reference's attention too", async () => {
      const source = await shortCheckpoint(modelType, FROM);
      const { folder, promised } = await expectSound(source, { preset: "reference", maxSequenceLength: TO }, [
        1,
        TO,
      ]);
      expect(promised).toBe(0);
      // The reference computes all sinusoids that it can; its own rows are near them, not equal.
      if (modelType !== "pegasus") await expectOwnRows(modelType, source, folder);
    });
  },
);

/** Model types whose fixture has a head that a Longformer does not have. */
const BASE_ALONE = new Set(["bert", "bert-generation", "ernie"]);
/** The fixture's ELECTRA has embeddings narrower than its layers, an LED reads whole windows. */
const OTHERS = new Set(["electra", "bart", "led"]);

describe.each(
  types
    .filter((one) => longformerType(one) !== undefined && !OTHERS.has(one.modelType))
    .map((one) => [one.modelType, one] as const),
)("a %s cut as a Longformer", (modelType, architecture) => {
  test.each(["faithful", "reference"])("--preset %s", async (preset) => {
    const source = await shortCheckpoint(modelType, FROM);
    const given = BASE_ALONE.has(modelType) ? { architecture: classNameOf(architecture, "Model") } : {};
    const { folder, promised } = await expectSound(
      source,
      { to: "longformer", preset, maxSequenceLength: TO, ...given },
      [1, TO / 2, TO],
    );
    // A Longformer's own windows stay.
    const [window] = json(folder, "config.json").attention_window;
    const own = json(source, "config.json").attention_window?.[0];
    expect(window).toBe(own ?? (preset === "faithful" ? 2 * TO : 512));
    expect(promised).toBe(TO);
  });
});

describe("an LED, which reads whole windows", () => {
  const refusal = async (source: string, given: Given) => {
    const error = await converted(source, given).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LsgError);
    return error as LsgError;
  };

  test.each([
    ["bart", 128, {}],
    ["led", 64, { attention_window: 64 }],
  ] as const)("made of a %s: the remedies work", async (modelType, from, config) => {
    const source = await shortCheckpoint(modelType, from, config);
    const {
      message,
      remedy = "",
      exitCode,
    } = await refusal(source, {
      to: "longformer",
      maxSequenceLength: 35,
    });
    expect(exitCode).toBe(2);
    expect(message).toMatch(
      new RegExp(`--max-sequence-length 35 is below the ${from} tokens .* whole windows, here of \\d+`),
    );
    const narrower = /--attention-window (\d+) --max-sequence-length (\d+)/.exec(remedy);
    expect(narrower?.slice(1)).toEqual(["36", "36"]);
    const given = { to: "longformer", attentionWindow: narrower?.[1], maxSequenceLength: narrower?.[2] };
    const { promised } = await expectSound(source, given, [1, 18, 19, 36]);
    expect(promised).toBe(19);
    const most = Number(/ask for (\d+) or more/.exec(remedy)?.[1]);
    const { plan } = await converted(source, { to: "longformer", maxSequenceLength: most });
    expect(plan.record.max_sequence_length.to).toBeGreaterThanOrEqual(most);
  });

  test("of narrow windows keeps them with each remedy, and is lossless", async () => {
    const source = await shortCheckpoint("led", 64, { attention_window: 16 });
    const { remedy = "" } = await refusal(source, { maxSequenceLength: 35 });
    const lengths = [...remedy.matchAll(/--max-sequence-length (\d+)/g)].map(([, length]) => Number(length));
    expect(lengths).toEqual([32, 48]);
    expect(remedy).not.toContain("--attention-window");
    for (const length of lengths) {
      const { promised } = await expectSound(source, { maxSequenceLength: length }, [1, length]);
      expect(promised).toBe(length);
    }
  });

  test("keeps its decoder where it generates", async () => {
    const source = await shortCheckpoint("led", 64, { attention_window: 16 });
    const { folder } = await converted(source, { maxSequenceLength: 32 });
    expect(json(folder, "config.json")).toMatchObject({
      max_encoder_position_embeddings: 32,
      max_decoder_position_embeddings: 64,
    });
  });
});

test("odd numbers are lossless to the last token as well", async () => {
  const source = await shortCheckpoint("bert", FROM);
  const { promised, folder } = await expectSound(source, { maxSequenceLength: 21 }, [1, 10, 11, 20, 21]);
  expect([promised, json(folder, "config.json").block_size]).toEqual([21, 11]);
});

test("--block-size still decides, and the promise with it", async () => {
  const source = await shortCheckpoint("bert", FROM);
  const { promised } = await expectSound(source, { maxSequenceLength: TO, blockSize: 4 }, [1, 8, 9, TO]);
  expect(promised).toBe(8);
});

test("an LSG model that is cut with --resize-lsg computes what it did", async () => {
  const source = join(FIXTURES, "roberta", "lsg");
  const given = { resizeLsg: true, maxSequenceLength: 500 };
  const { promised, folder } = await expectSound(source, given, [1, 256, 257, 500]);
  expect(promised).toBe(500);
  await expectOwnRows("roberta", source, folder, 500);
});

test("sinusoids that a checkpoint does not hold are computed for fewer positions", async () => {
  const source = await changedCheckpoint(await shortCheckpoint("pegasus", FROM), {
    tensors(tensors) {
      for (const name of [...tensors.keys()]) if (name.includes("embed_positions")) tensors.delete(name);
    },
  });
  const { promised } = await expectSound(source, { maxSequenceLength: TO }, [1, TO]);
  expect(promised).toBe(TO);
});

describe("every place that states a length", () => {
  test("of an embedder", async () => {
    const source = writeSmallBert(join(await temporaryFolder(), "source"));
    const { folder } = await converted(source, { maxSequenceLength: TO });
    expect(json(folder, "config.json").max_position_embeddings).toBe(TO);
    expect(json(folder, "tokenizer_config.json").model_max_length).toBe(TO);
    expect(json(folder, "tokenizer.json").truncation.max_length).toBe(TO);
    expect(json(folder, "sentence_bert_config.json").max_seq_length).toBe(TO);
  });

  test.each([
    [FROM, TO],
    [FROM - 4, TO],
    [TO, TO],
    [12, 12],
  ])("of what generate() writes: %d becomes %d", async (length, written) => {
    const short = await shortCheckpoint("bart", FROM, { max_length: length });
    const { folder } = await converted(short, { maxSequenceLength: TO });
    expect(json(folder, "config.json").max_length).toBe(written);
  });
});

describe("what is said", () => {
  const wide = (config: Given = {}) =>
    writeTinyModel({
      config: { max_position_embeddings: 40_000, ...config },
      shapes: { "embeddings.position_embeddings.weight": [40_000, 4] },
    });

  test("inputs that are now cut, in the card and on the terminal", async () => {
    const { folder, plan } = await converted(await wide(), { maxSequenceLength: 4096 });
    const cut = "Inputs of 4097 to 40000 tokens are now cut.";
    expect(summarise("out", plan, false)).toContain(`${cut} BertModel read them.`);
    expect(summarise("out", plan, false)).not.toMatch(/Beyond|Blocks of/);
    const card = readFileSync(join(folder, "README.md"), "utf8");
    expect(card).toContain("context cut from 40000 to 4096 tokens");
    expect(card).toContain(`${cut} The original read them.`);
    expect(card).toContain("Inputs of up to 4096 tokens: lossless.");
    expect(card).not.toMatch(/positions repeat and/);
  });

  test("the decoder of a summariser writes less", async () => {
    const { plan } = await converted(await shortCheckpoint("bart", FROM), { maxSequenceLength: TO });
    expect(plan.notes).toContain(
      `Inputs of 21 to 32 tokens are now cut. BartForConditionalGeneration read them. The decoder writes no more than ${TO} tokens either.`,
    );
  });

  test.each([
    [
      "by default",
      {},
      /^Blocks of 20000 tokens: up to 40000 tokens .* take 12\.8 GB in float32 .* --max-sequence-length 4096 /,
    ],
    ["at the same length", { maxSequenceLength: 40_000 }, /^Blocks of 20000 tokens/],
    ["cut to what is long still", { maxSequenceLength: 20_000 }, /^Blocks of 10000 tokens: .* take 3\.2 GB/],
    ["as a Longformer", { to: "longformer" }, /^Windows of 80000 tokens: up to 40001 tokens/],
  ])("what blocks cost that are as wide as a table of 40,000 rows, %s", async (_, given, says) => {
    const { plan } = await converted(await wide(), given);
    expect(plan.notes.filter((note) => says.test(note))).toHaveLength(1);
  });

  test.each([
    { blockSize: 128 },
    { maxSequenceLength: 4096 },
    { to: "longformer", attentionWindow: "512" },
    { to: "windows" },
  ])("nothing of that with %j", async (given) => {
    const { plan } = await converted(await wide(), given);
    expect(plan.notes.join("\n")).not.toMatch(/GB/);
  });

  test("the card of a --run-test that no machine has the memory for says what it left out", async () => {
    const cards = await Promise.all(
      [{}, { maxSequenceLength: 2048 }].map(async (given) => {
        const options = { ...given, runTest: true, dryRun: true };
        const { plan } = await converted(await wide(), options);
        return plan.sideFiles.find(({ path }) => path === "README.md");
      }),
    );
    const texts = cards.map((card) => (card?.kind === "write" ? card.content : ""));
    expect(
      texts.map((text) => text.includes("those that the machine had none for were not looked at")),
    ).toEqual([true, false]);
  });
});
