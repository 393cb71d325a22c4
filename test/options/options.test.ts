import { describe, expect, test } from "vitest";
import { flagName } from "../../src/options/flags.js";
import {
  convertFlags,
  parseConvertOptions,
  parseExportOptions,
  parseRecordedOptions,
  recordedOptions,
} from "../../src/options/options.js";

test("without arguments the preset is faithful and LSG keys are left to it", () => {
  const options = parseConvertOptions({});
  expect(options).toMatchObject({
    preset: "faithful",
    globalPositionalStride: 64,
    seed: 123,
    useTokenIds: true,
  });
  expect(options.lsg).toEqual({});
  expect(options.maxSequenceLength).toBeUndefined();
});

test("text from the command line becomes numbers", () => {
  const options = parseConvertOptions({ maxSequenceLength: "8192", blockSize: "64", seed: "0" });
  expect(options).toMatchObject({ maxSequenceLength: 8192, seed: 0, lsg: { block_size: 64 } });
});

describe("windows", () => {
  test("are recorded as they were asked for, and read again", () => {
    const options = parseConvertOptions({ to: "windows", merge: "max", windowOverlap: "64" });
    const recorded = recordedOptions(options);
    expect(recorded).toMatchObject({ to: "windows", merge: "max", window_overlap: 64 });
    expect(parseRecordedOptions(recorded)).toMatchObject({ merge: "max", windowOverlap: 64 });
    expect(recordedOptions(parseConvertOptions({ to: "windows" }))).not.toHaveProperty("window_overlap");
  });

  test.each([
    [{ merge: "median" }, /--merge "median": expected one of reader, mean, max, logsumexp/],
    [{ merge: "least" }, /expected one of reader/],
    [{ windowOverlap: "-1" }, /--window-overlap "-1": must be at least 0/],
    [{ windowOverlap: "1.5" }, /expected a whole number/],
    [{ windowOverlap: 2 ** 20 + 1 }, /must be at most 1048576/],
  ])("%o is refused", (given, message) => {
    expect(() => parseConvertOptions(given)).toThrow(message);
  });
});

describe("--model-kwargs", () => {
  test.each([
    ["single quotes", "{'sparsity_type': 'lsh', 'mask_first_token': true}"],
    ["JSON", '{"sparsity_type": "lsh", "mask_first_token": true}'],
    ["Python's literals", "{'sparsity_type': 'lsh', 'mask_first_token': True}"],
  ])("takes %s", (_, modelKwargs) => {
    expect(parseConvertOptions({ modelKwargs }).lsg).toEqual({
      sparsity_type: "lsh",
      mask_first_token: true,
    });
  });

  test("an apostrophe inside JSON is no quote", () => {
    expect(parseConvertOptions({ modelKwargs: `{"a": "it's"}` }).modelKwargs).toEqual({ a: "it's" });
  });

  test("null switches the sparse part off", () => {
    expect(parseConvertOptions({ modelKwargs: "{'sparsity_type': null}" }).lsg).toEqual({
      sparsity_type: null,
    });
  });

  test("a flag wins over the same key, other keys stay", () => {
    const options = parseConvertOptions({
      modelKwargs: "{'block_size': 32, 'num_labels': 3}",
      blockSize: "64",
    });
    expect(options.lsg).toEqual({ block_size: 64 });
    expect(options.modelKwargs).toEqual({ num_labels: 3 });
  });

  test("a misspelt key of ours is refused with the right one", () => {
    expect(() => parseConvertOptions({ modelKwargs: "{'lsg_num_pre_rounds': 2}" })).toThrow(
      /unknown key "lsg_num_pre_rounds"/,
    );
  });
});

test.each([
  ["--task", { task: "fill-mask" }],
  ["--onnx-weights", { onnxWeights: "shared" }],
  ["--global-attention", { globalAttention: "auto" }],
])("%s without a graph is refused, and so it is beside --op-only", (flag, given) => {
  expect(() => parseConvertOptions(given)).toThrow(
    `${flag} says how a graph is written, and none is asked for`,
  );
  expect(() => parseConvertOptions({ ...given, onnx: true })).not.toThrow();
  expect(() => parseExportOptions({ ...given, opOnly: true })).toThrow(
    `${flag} says how a whole model is written`,
  );
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["no global token", { numGlobalTokens: "0" }, /--num-global-tokens "0".*1/],
  ["513 global tokens", { numGlobalTokens: "513" }, /--num-global-tokens "513".*512/],
  ["an unknown sparsity type", { sparsityType: "norms" }, /--sparsity-type "norms"/],
  ["a number with letters", { blockSize: "128k" }, /--block-size "128k"/],
  ["half a token", { blockSize: "1.5" }, /--block-size/],
  ["an unknown preset", { preset: "lossless" }, /--preset "lossless"/],
  ["an absurd length", { maxSequenceLength: "1e9" }, /--max-sequence-length/],
  ["kwargs that are a list", { modelKwargs: "[1]" }, /expected an object/],
  ["kwargs that are not JSON", { modelKwargs: "{block_size: 32}" }, /not JSON/],
])("%s is refused by name", (_, given, message) => {
  expect(() => parseConvertOptions(given)).toThrow(message);
});

test("every flag has a description and a kebab-case name", () => {
  const names = convertFlags().map(({ key, description }) => [flagName(key), description] as const);
  for (const [name, description] of names) {
    expect(name).toMatch(/^--[a-z]+(-[a-z]+)*$/);
    expect(description).not.toBe("");
  }
  expect(names.map(([name]) => name)).toContain("--lsh-num-pre-rounds");
});

test("a conversion that is pushed is proven, unless that is declined", () => {
  expect(parseConvertOptions({ pushTo: "me/x" })).toMatchObject({
    runTest: true,
    private: false,
    verify: true,
  });
  expect(parseConvertOptions({ pushTo: "me/x", verify: false }).runTest).toBe(false);
  expect(parseConvertOptions({ runTest: true }).pushTo).toBeUndefined();
});

test.each([
  [{ private: true }, "--private"],
  [{ verify: false }, "--no-verify"],
  [{ createPr: true }, "--create-pr"],
])("%o without pushing is refused", (given, flag) => {
  expect(() => parseConvertOptions(given)).toThrow(`${flag} is for a conversion that is pushed`);
});
