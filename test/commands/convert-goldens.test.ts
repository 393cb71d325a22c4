import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { isFloatDtype } from "../../src/safetensors/dtype.js";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES, type Golden, goldens, temporaryFolder } from "../support/fixtures.js";
import { asF32, type ReadTensor, readFolder, readSafetensors } from "../support/safetensors.js";

/** Keys in which a config of ours differs from the reference's on purpose. */
const OTHER_CONFIG_KEYS = [
  "_name_or_path", // left out: where the source once lay says nothing about the result
  "max_length", // raised where generate() could write as many tokens as the source had positions for
  "auto_map", // has AutoConfig as well
  "torch_dtype", // ours stays the source's, the reference loads everything as float32
  "transformers_version",
];

/** The reference gives a question answering head as many outputs as there are labels; it needs two. */
const isAnswerHead = (name: string) => name.startsWith("qa_outputs.");

describe.each(goldens().map((golden) => [`${golden.modelType} ${golden.name}`, golden] as const))(
  "%s equals the reference",
  (_, golden) => {
    test("tensors and config", async () => {
      const output = join(await temporaryFolder(), "out");
      const source = join(FIXTURES, golden.modelType, golden.checkpoint);
      await convert(source, output, referenceOptions(golden));
      const ours = readFolder(output);
      for (const [name, expected] of Object.entries(golden.tensors)) {
        const found = ours.get(name);
        expect(found, `tensor ${name}`).toBeDefined();
        if (found) compareTensor(name, found, expected, golden);
      }
      compareConfig(JSON.parse(readFileSync(join(output, "config.json"), "utf8")), golden);
    });
  },
);

function compareTensor(name: string, found: ReadTensor, expected: Golden["tensors"][string], golden: Golden) {
  if (golden.random.includes(name)) {
    const shape = isAnswerHead(name) ? [2, ...expected.shape.slice(1)] : expected.shape;
    expect(found.shape, `shape of ${name}`).toEqual(shape);
  } else if (name.endsWith("global_embeddings.weight")) {
    compareSums(found, golden);
  } else {
    expect(found.shape, `shape of ${name}`).toEqual(expected.shape);
    const hash = createHash("sha256").update(asF32(found)).digest("hex");
    expect(hash, `bytes of ${name} as F32`).toBe(expected.sha256);
  }
}

/** Summed in float32 in the reference's order, so that the only difference is the rounding to our dtype. */
function compareSums(found: ReadTensor, { modelType, values, comparable_rows }: Golden) {
  const [expected] = readSafetensors(join(FIXTURES, modelType, "reference", values)).values();
  if (!expected || !isFloatDtype(found.dtype)) throw new Error("the golden has no global table");
  const theirs = decodeFloats(encodeFloats(decodeFloats(expected.bytes, "F32"), found.dtype), found.dtype);
  const ours = decodeFloats(found.bytes, found.dtype);
  const differences = [...theirs].map((value, i) => Math.abs(value - (ours[i] ?? Number.NaN)));
  // With drawn rows the reference adds (word + type) + (position + type); two roundings may fall otherwise.
  const tolerance = comparable_rows ? 2 ** -22 : 0;
  expect(Math.max(...differences), "largest difference of a global token").toBeLessThanOrEqual(tolerance);
}

function compareConfig(ours: Record<string, unknown>, { config, options }: Golden) {
  const answersQuestions = String(options.architecture ?? "").endsWith("QuestionAnswering");
  for (const [key, expected] of Object.entries(config)) {
    if (OTHER_CONFIG_KEYS.includes(key)) continue;
    if (answersQuestions && (key === "id2label" || key === "label2id")) continue;
    // Its models take true when they are opened; from a keyword it writes what was given.
    if (key === "pool_with_global" && config.mask_first_token === true) continue;
    // Keys that only the reference's save adds are transformers' defaults.
    if (!(key in ours)) continue;
    expect(ours[key], `config key ${key}`).toEqual(expected);
  }
  for (const key of [
    "architectures",
    "base_model_prefix",
    "max_position_embeddings",
    "model_type",
    "block_size",
  ]) {
    expect(ours[key], `config key ${key}`).toEqual(config[key]);
  }
}

function referenceOptions({ options, config, random }: Golden) {
  const camel = (key: string) => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const given = Object.entries(options).filter(([key, value]) => value !== null && key !== "use_auth_token");
  return parseConvertOptions({
    ...Object.fromEntries(given.map(([key, value]) => [camel(key), value])),
    preset: "reference",
    // A head that is missing is only made where it is asked for.
    ...(random.length > 0 && { architecture: String(options.architecture ?? config.architectures) }),
  });
}
