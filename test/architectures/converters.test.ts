import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findArchitecture, modelTypes } from "../../src/architectures/architectures.js";

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));

test.each(modelTypes())("converters/%s is named after its model type", async (modelType) => {
  expect((await findArchitecture(modelType)).modelType).toBe(modelType);
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
