import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { writeSmallBart } from "./small-bart.js";
import type { SmallModel } from "./small-bert.js";
import { expectSound, textOf } from "./support.js";

keepTokenizers();

type Given = Readonly<Record<string, unknown>>;

const GIVEN = { maxSequenceLength: 96 };
const REFERENCE = { ...GIVEN, preset: "reference", blockSize: 8, sparseBlockSize: 8, onnx: true };

async function smallBart(model: SmallModel = {}): Promise<string> {
  return writeSmallBart(join(await temporaryFolder(), "original"), model);
}

const ofClass = (name: string): SmallModel => ({ config: { architectures: [name] } });

describe("an encoder-decoder, lossless", () => {
  test("that generates: the decoder's scores and what it writes are the original's too", async () => {
    const { checks, passed } = await expectSound(await smallBart(), GIVEN);
    expect(passed).toEqual(
      expect.arrayContaining(["lossless", "lossless-head", "generation", "predictions"]),
    );
    expect(textOf(checks, "lossless-head")).toMatch(
      /^2 lengths up to 32 tokens, 3 rows each: no difference$/,
    );
    expect(textOf(checks, "generation")).toMatch(
      /^inputs of 32 tokens; a text: the same 16 tokens written; random tokens: the same \d+ tokens written; scores differ by 0$/,
    );
    const { table } = checks.find(({ id }) => id === "predictions") ?? {};
    expect(table?.head).toEqual(["original", "converted"]);
    for (const [original, converted] of table?.rows ?? []) expect(converted).toBe(original);
    expect(checks.find(({ id }) => id === "lossless")?.title).toBe("encoder states and the original's");
  });

  test.each([
    ["BartForSequenceClassification", /^(no|perhaps|yes) \d/],
    ["BartModel", /^embedding: /],
  ])("%s", async (name, shown) => {
    const { checks, passed } = await expectSound(await smallBart(ofClass(name)), { ...GIVEN, onnx: true });
    expect(passed).toEqual(expect.arrayContaining(["lossless-head", "predictions", "graph"]));
    expect(passed).not.toContain("generation");
    const predictions = checks.find(({ id }) => id === "predictions");
    expect(predictions?.table?.rows[0]?.[0]).toMatch(shown);
  });

  test.each(["BartForQuestionAnswering", "BartForSequenceClassification", "BartModel"])(
    "with a new head: %s",
    async (architecture) => {
      const { checks, passed } = await expectSound(await smallBart(), { ...GIVEN, architecture, onnx: true });
      expect(passed).not.toContain("lossless-head");
      expect(textOf(checks, "model")).toContain(architecture);
    },
  );

  test("in a pytorch_model.bin, in F16", async () => {
    const given = { maxSequenceLength: 1040, onnx: true };
    const { passed } = await expectSound(join(FIXTURES, "mbart", "checkpoint"), given, [5, 40]);
    expect(passed).toEqual(expect.arrayContaining(["generation", "graph-bytes", "graph-op", "graph"]));
  });

  test("without tables of its sinusoids", async () => {
    const given = { maxSequenceLength: 600, onnx: true };
    const source = join(FIXTURES, "pegasus", "checkpoint-no-positions");
    const { passed } = await expectSound(source, given, [5, 600]);
    expect(passed).toEqual(expect.arrayContaining(["generation", "graph-bytes", "graph-op", "graph"]));
  });
});

describe("an encoder-decoder with attention that changes its outputs", () => {
  const settings: Readonly<Record<string, Given>> = {
    "three global tokens, which its decoder sees": { ...REFERENCE, numGlobalTokens: 3 },
    "its first token hidden from its decoder too": { ...REFERENCE, maskFirstToken: true },
    "global tokens that its decoder does not see": { ...REFERENCE, passGlobalTokensToDecoder: false },
    "sparse keys by lsh": { ...REFERENCE, sparsityType: "lsh", seed: 7 },
  };
  test.each(Object.entries(settings))("%s", async (_, given) => {
    const { checks, passed, promised } = await expectSound(await smallBart(), given);
    expect(promised).toBe(0);
    expect(passed).toEqual(expect.arrayContaining(["graph-bytes", "graph-op", "graph"]));
    expect(passed).not.toContain("generation");
    expect(textOf(checks, "drift")).toMatch(
      /cosine of encoder states \S+ on average, \S+ at least; outputs differ by \S+ at most; same first choice in \d+ of \d+ outputs$/,
    );
    expect(textOf(checks, "generation")).toMatch(/^inputs of 32 tokens; a text: .*; nothing is promised$/);
  });
});

describe("graphs that generate", () => {
  test.each<[string, Given]>([
    ["with their weights inside", {}],
    ["with their weights beside them", { onnxWeights: "external" }],
    ["that share the folder's weights", { onnxWeights: "shared" }],
  ])("%s", async (_, given) => {
    const { checks, passed } = await expectSound(await smallBart(), { ...GIVEN, onnx: true, ...given });
    expect(passed).toEqual(expect.arrayContaining(["graph-bytes", "graph-op", "graph"]));
    expect(textOf(checks, "graph")).toMatch(/^4 lengths up to 96 tokens, 4 graphs: /);
    expect(textOf(checks, "graph-op")).toMatch(
      /of LSGAttention of \S+ \S+, of DecoderSelfAttention of \S+ \S+, of CrossAttention of \S+ \S+$/,
    );
  });

  test("are one graph without the head", async () => {
    const given = { ...GIVEN, onnx: true, task: "feature-extraction" };
    const { passed } = await expectSound(await smallBart(), given);
    expect(passed).toEqual(expect.arrayContaining(["graph-bytes", "graph-op", "graph"]));
  });
});
