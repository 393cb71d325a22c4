import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { allArchitectures, findArchitecture, modelTypes } from "../../src/architectures/architectures.js";
import { classNames } from "../../src/architectures/class-names.js";
import { FIXTURES, goldens } from "../support/fixtures.js";

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));

describe.each(modelTypes())("converters/%s", (modelType) => {
  test("is named after its model type", async () => {
    expect((await findArchitecture(modelType)).modelType).toBe(modelType);
  });

  test("has a checkpoint and goldens among the fixtures", async () => {
    expect(existsSync(join(FIXTURES, modelType, "checkpoint", "config.json"))).toBe(true);
    expect(existsSync(join(FIXTURES, modelType, "outputs", "cases.json"))).toBe(true);
    const { encoder } = await findArchitecture(modelType);
    const hasLsgVariant = encoder.embeddings.global !== undefined;
    const names = goldens()
      .filter((golden) => golden.modelType === modelType)
      .map(({ name }) => name);
    expect(names).toEqual(hasLsgVariant ? expect.arrayContaining(["default", "odd"]) : []);
  });
});

test("no class name belongs to two architectures", async () => {
  const classes = (await allArchitectures()).flatMap(classNames);
  expect(new Set(classes).size).toBe(classes.length);
});

test.each(["../plan", "__proto__", "constructor", "bert/../roberta", "", 7, null])(
  "model_type %j is refused, not looked up",
  async (modelType) => {
    await expect(findArchitecture(modelType)).rejects.toThrow(/cannot be converted/);
  },
);

test("T5 is refused with the reason and what to use instead", async () => {
  await expect(findArchitecture("t5")).rejects.toMatchObject({
    remedy: expect.stringMatching(/relative positions.*LongT5/),
  });
});

describe("the layers of the code", () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const imports = (file: string) =>
    [...readFileSync(join(SOURCES, file), "utf8").matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map(
      ([, path]) => path ?? "",
    );

  test("the plan, the formats and the tokenizers' rules touch no file", () => {
    const pure = files.filter((file) => /^(plan|safetensors|tokenizer|attention|options|json)\//.test(file));
    expect(pure.filter((file) => imports(file).some((path) => path.startsWith("node:fs")))).toEqual([]);
    expect(pure.length).toBeGreaterThan(15);
  });

  test("no file outside of converters/ asks for a model type by name", () => {
    const special = files.filter((file) =>
      /(?<!typeof )model_?[tT]ype\s*[!=]==?\s*["']/.test(readFileSync(join(SOURCES, file), "utf8")),
    );
    expect(special).toEqual([]);
  });
});
