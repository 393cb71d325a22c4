import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { POSITIONS } from "../../src/options/schemas.js";
import type { FloatDtype } from "../../src/safetensors/dtype.js";
import { decodeFloats } from "../../src/safetensors/floats.js";
import { readGoldens } from "../onnx/goldens.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { readFolder } from "../support/safetensors.js";
import { shortCheckpoint } from "../support/short-checkpoint.js";
import { expectSound } from "../verify/support.js";

keepTokenizers();

const golden = readGoldens(new URL("../../fixtures/positions.safetensors", import.meta.url));
const EXPERIMENTS = POSITIONS.filter((name) => name !== "tile");

const WIDTH = 32;

/** The rows of a folder's table of positions. */
function tableOf(folder: string) {
  const [table] = [...readFolder(folder)].filter(([name]) => name.endsWith("position_embeddings.weight"));
  const { dtype, shape, bytes } = table?.[1] ?? expect.fail("no table");
  const values = Array.from(decodeFloats(bytes, dtype as FloatDtype));
  return Array.from({ length: shape[0] ?? 0 }, (_, row) => values.slice(row * WIDTH, (row + 1) * WIDTH));
}

async function converted(source: string, given: Readonly<Record<string, unknown>>) {
  const folder = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, folder, parseConvertOptions(given));
  return { folder, plan };
}

describe.each(EXPERIMENTS)("--positions %s", (positions) => {
  test.each([
    ["bert", "lsg"],
    ["roberta", "lsg"],
    ["roberta", "longformer"],
  ] as const)("makes the table of a %s, to %s", async (modelType, to) => {
    const source = join(FIXTURES, modelType, "checkpoint");
    const { folder, plan } = await converted(source, { to, positions, maxSequenceLength: 1200 });
    const [before, after] = [tableOf(source), tableOf(folder)];
    const { shape, values } = golden(`${modelType}.${positions}`);
    const offset = after.length - 1200;
    expect(after.slice(0, offset)).toEqual(before.slice(0, offset));
    const expected =
      shape.length === 1
        ? values.map((place) => before[before.length - 512 + place])
        : Array.from({ length: 1200 }, (_, i) => values.slice(i * WIDTH, (i + 1) * WIDTH));
    for (const [place, row] of after.slice(offset).entries()) {
      // Rows between two others are rounded once, to what the golden was rounded to.
      expect(row, `place ${place}`).toEqual(expected[place]);
    }
    expect(readFileSync(join(folder, "README.md"), "utf8")).toContain(
      `positions ${positions} is an experiment`,
    );
    expect(plan.notes).toEqual(
      expect.arrayContaining([expect.stringContaining(`--positions ${positions} is an experiment`)]),
    );
  });

  test("keeps what can be promised, in both stacks of a pair", async () => {
    const source = await shortCheckpoint("bart", 32);
    const { promised } = await expectSound(source, { positions, maxSequenceLength: 80 }, [1, 32, 33, 80]);
    expect(promised).toBe(positions === "interpolate" ? 0 : 32);
  });
});

test("tile is what is done anyway", async () => {
  const source = join(FIXTURES, "bert", "checkpoint");
  const tables = await Promise.all(
    [{}, { positions: "tile" }].map(async (given) => readFolder((await converted(source, given)).folder)),
  );
  expect(tables[1]).toEqual(tables[0]);
});

test.each([
  ["bert", { maxSequenceLength: 512 }, /the source has 512 positions, and the result no more/],
  ["pegasus", {}, /Pegasus computes its positions, which go on/],
  ["bert", { to: "windows" }, /windows keep the source's own positions/],
] as const)("is refused where it has nothing to do: %s, %o", async (modelType, given, message) => {
  const source = join(FIXTURES, modelType, "checkpoint");
  await expect(converted(source, { ...given, positions: "tile2" })).rejects.toThrow(message);
});
