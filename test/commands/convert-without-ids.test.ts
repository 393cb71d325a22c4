import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { longformerType } from "../../src/architectures/architecture.js";
import { findArchitecture, modelTypes } from "../../src/architectures/architectures.js";
import { classNameOf } from "../../src/architectures/class-names.js";
import { LsgError } from "../../src/base/errors.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { isFloatDtype } from "../../src/safetensors/dtype.js";
import { decodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { readFolder } from "../support/safetensors.js";
import { shortCheckpoint, withoutIds } from "../support/short-checkpoint.js";
import { writeTinyModel } from "../support/tiny-model.js";
import { writeSmallBert } from "../verify/small-bert.js";
import { expectSound } from "../verify/support.js";

const POSITIONS = 32;

/** Model types whose fixture has a head that a Longformer does not have. */
const BASE_ALONE = new Set(["bert", "bert-generation", "ernie"]);

/** A checkpoint of a model type with its weights alone: no tokenizer, no id of a special token in config.json. */
async function bareCheckpoint(modelType: string): Promise<string> {
  const config = JSON.parse(readFileSync(join(FIXTURES, modelType, "checkpoint", "config.json"), "utf8"));
  const folder = await shortCheckpoint(modelType, POSITIONS, withoutIds(config));
  for (const file of readdirSync(folder)) {
    if (!["config.json", "model.safetensors"].includes(file)) rmSync(join(folder, file));
  }
  return folder;
}

async function converted(source: string, given: Record<string, unknown>): Promise<string> {
  const output = join(await temporaryFolder(), "out");
  await convert(source, output, parseConvertOptions(given));
  return output;
}

const recordOf = (folder: string) => JSON.parse(readFileSync(join(folder, "lsg_conversion.json"), "utf8"));

/** The table of global tokens as numbers. */
function globalTable(folder: string): Float64Array | Float32Array | readonly number[] {
  const [, table] = [...readFolder(folder)].find(([name]) => name.endsWith("global_embeddings.weight")) ?? [];
  if (!table || !isFloatDtype(table.dtype)) throw new Error("no table of global tokens");
  return decodeFloats(table.bytes, table.dtype);
}

describe.each(modelTypes())("a %s without tokenizer and special ids", (modelType) => {
  test("is proven, and the record says what stands in the table that nothing reads", async () => {
    const source = await bareCheckpoint(modelType);
    const { folder, promised } = await expectSound(source, { maxSequenceLength: 96 });
    const { unread_global_table: unread } = recordOf(folder);
    const { encoder } = await findArchitecture(modelType);
    const hasTable = encoder.embeddings.global !== undefined;
    expect(unread).toEqual(hasTable ? { bos_token_id: 0, mask_token_id: 0 } : undefined);
    if (!hasTable) return;
    expect(promised).toBe(POSITIONS);
    expect(globalTable(folder).every(Number.isFinite)).toBe(true);
  });

  test("becomes its Longformer, where it has one", async () => {
    const architecture = await findArchitecture(modelType);
    // The fixture's ELECTRA has embeddings narrower than its layers.
    if (longformerType(architecture) === undefined || modelType === "electra") return;
    // Of heads that a Longformer lacks the base model is converted.
    const given = BASE_ALONE.has(modelType) ? { architecture: classNameOf(architecture, "Model") } : {};
    const source = await bareCheckpoint(modelType);
    const folder = await converted(source, { to: "longformer", maxSequenceLength: 128, ...given });
    expect(recordOf(folder).promise.lossless_up_to).toBeGreaterThan(1);
  });
});

test("--run-test proves one as well", async () => {
  const folder = await converted(await bareCheckpoint("roberta"), { maxSequenceLength: 96, runTest: true });
  expect(recordOf(folder).options.run_test).toBe(true);
});

describe("where a row of the table is read, what it starts from is asked for", () => {
  const VOCABULARY = "[PAD]\n[UNK]\nword\n[SEP]\na\nb\n";

  test.each([
    ["--preset reference", { preset: "reference" }, ["bos", "mask"]],
    ["--no-first-token-is-global", { firstTokenIsGlobal: false }, ["bos", "mask"]],
    ["--num-global-tokens 4", { numGlobalTokens: 4 }, ["mask"]],
    ["--random-global-init", { preset: "reference", randomGlobalInit: true }, ["bos"]],
  ])("%s", async (_, given, kinds) => {
    const source = await writeTinyModel({ files: { "vocab.txt": VOCABULARY } });
    const error = await converted(source, given).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LsgError);
    const { message, remedy = "", exitCode } = error as LsgError;
    expect(exitCode).toBe(2);
    expect(message).toBe(`the tokenizer's files name no ${kinds[0]} token, from which global tokens start`);
    expect(remedy).toBe(
      `Give its id: --model-kwargs '{${kinds.map((kind) => `"${kind}_token_id": ID`).join(", ")}}'.`,
    );
    const kwargs = /'(.*)'/.exec(remedy.replaceAll("ID", "2"))?.[1];
    expect(recordOf(await converted(source, { ...given, modelKwargs: kwargs }))).not.toHaveProperty(
      "unread_global_table.mask_token_id",
    );
  });

  test("a token that the files name and do not number", async () => {
    const files = {
      "vocab.txt": VOCABULARY,
      "tokenizer_config.json": JSON.stringify({ cls_token: "[CLS]", mask_token: "[MASK]" }),
    };
    const source = await writeTinyModel({ files });
    const error = await converted(source, { preset: "reference" }).catch((reason: unknown) => reason);
    expect(String(error)).toMatch(
      /files name "\[CLS\]" as bos token, .* none that can be read here gives it an id/,
    );
    expect(recordOf(await converted(source, {})).unread_global_table).toEqual({
      bos_token_id: 0,
      mask_token_id: 0,
    });
  });

  test("an id that the embeddings have no row for", async () => {
    const files = { "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n[MASK]\n" };
    const source = await writeTinyModel({ files });
    const error = await converted(source, { preset: "reference" }).catch((reason: unknown) => reason);
    expect(String(error)).toMatch(/mask token has id 6, but .* has 6 rows/);
    expect(recordOf(await converted(source, {})).unread_global_table).toEqual({ mask_token_id: 2 });
  });
});

describe("tables of sizes that 512 positions do not spread over by the default stride", () => {
  const model = (positions: number) =>
    writeTinyModel({
      config: { max_position_embeddings: positions },
      shapes: { "embeddings.position_embeddings.weight": [positions, 4] },
    });

  test.each([
    [1536, 63, 48],
    [2560, 60, 40],
    [3000, 60, 40],
    [40_000, 78, 78],
  ])("%d rows", async (positions, asked, chosen) => {
    const source = await model(positions);
    expect(recordOf(await converted(source, {})).unread_global_table).toEqual({
      global_positional_stride: chosen,
    });
    const read = { preset: "reference" };
    const error = await converted(source, read).catch((reason: unknown) => reason);
    const { message, remedy = "" } = error as LsgError;
    expect(message).toContain(
      `--global-positional-stride 64, the default, does not fit ${positions} positions`,
    );
    const followed = Number(/--global-positional-stride (\d+)/.exec(remedy)?.[1]);
    expect(followed).toBe(chosen);
    const most = Number(/up to (\d+)/.exec(remedy)?.[1]);
    for (const globalPositionalStride of [followed, most]) {
      expect(recordOf(await converted(source, { ...read, globalPositionalStride }))).not.toHaveProperty(
        "unread_global_table",
      );
    }
    // One that was asked for and that nothing reads is no reason to refuse either.
    const odd = recordOf(await converted(source, { globalPositionalStride: asked }));
    expect(odd.unread_global_table?.global_positional_stride ?? asked).toBe(chosen);
  });
});

test.each(["F32", "F16", "BF16"] as const)(
  "an unread table in %s is finite, and the same each time",
  async (dtype) => {
    const source = writeSmallBert(join(await temporaryFolder(), "source"), { dtype });
    for (const file of ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"]) {
      rmSync(join(source, file));
    }
    const given = { maxSequenceLength: 96 };
    const [one, other] = [await converted(source, given), await converted(source, given)];
    expect(globalTable(one).every(Number.isFinite)).toBe(true);
    expect(globalTable(other)).toEqual(globalTable(one));
  },
);
