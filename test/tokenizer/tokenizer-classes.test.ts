import { expect, test } from "vitest";
import { allArchitectures } from "../../src/architectures/architectures.js";
import { TOKENIZER_CLASSES } from "../../src/tokenizer/tokenizer-classes.js";
import { answers } from "./folders.js";

const CLASSES = answers<string>("classes.json");

test.each(
  (await allArchitectures()).map((architecture) => [architecture.modelType, architecture.tokenizerClass]),
)(
  "%s: %s is known, and knows what the class does that transformers takes",
  (modelType = "", tokenizerClass = "") => {
    expect(TOKENIZER_CLASSES[tokenizerClass]).toBeDefined();
    expect(TOKENIZER_CLASSES[tokenizerClass]).toEqual(TOKENIZER_CLASSES[CLASSES[modelType] ?? ""]);
  },
);
