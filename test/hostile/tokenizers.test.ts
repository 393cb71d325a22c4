import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LimitError } from "../../src/base/errors.js";
import { openTokenizer } from "../../src/runtime/text-tokenizer.js";
import { SAMPLE_TEXT } from "../../src/verify/sample-text.js";
import { temporaryFolder } from "../support/fixtures.js";
import { variants } from "../support/variants.js";
import { writeSmallBert } from "../verify/small-bert.js";
import { checksOf, convertedSmallBert } from "../verify/support.js";
import { HOSTILE_DECODERS, HOSTILE_TOKENIZERS } from "./tokenizers.js";

const { source, copy } = convertedSmallBert();
afterEach(() => {
  vi.unstubAllEnvs();
});

/** The tokenizer of a small model, spoilt. */
async function opened(spoil: (folder: string) => void) {
  const folder = writeSmallBert(await temporaryFolder());
  spoil(folder);
  const contents = new Map([["tokenizer.json", readFileSync(join(folder, "tokenizer.json"))]]);
  return openTokenizer(contents, SAMPLE_TEXT);
}

describe("a tokenizer that does not come to an end is ended", () => {
  test.each(variants(Object.entries(HOSTILE_TOKENIZERS)))("%s", async (_, spoil) => {
    vi.stubEnv("LSG_LIMIT_SECONDS", "1");
    const error = await opened(spoil).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^tokenizer\.json does not come to an end: .* 1 seconds, which is the limit$/,
      ),
      remedy: "If you trust it, raise the limit: LSG_LIMIT_SECONDS=4.",
    });
  });

  test("when it has more memory than it may, whatever time it has", async () => {
    vi.stubEnv("LSG_LIMIT_GIB", "0.25");
    const doubles = HOSTILE_TOKENIZERS["a normaliser that doubles text"];
    await expect(opened(doubles)).rejects.toMatchObject({
      message: expect.stringContaining("0.25 GiB of memory, which is the limit"),
      remedy: "If you trust it, raise the limit: LSG_LIMIT_GIB=1.",
    });
  });
});

test.each(variants(Object.entries(HOSTILE_DECODERS)))("so is %s", async (_, spoil) => {
  const result = await opened(spoil);
  if (!("tokenizer" in result)) throw new Error(result.reason);
  vi.stubEnv("LSG_LIMIT_SECONDS", "1");
  await expect(result.tokenizer.tokens([10, 20, 30])).rejects.toThrow(LimitError);
  await expect(result.tokenizer.encode("a text")).rejects.toThrow(LimitError);
  await result.tokenizer.close();
});

test("what is no attack opens with the limit that the errors name", async () => {
  vi.stubEnv("LSG_LIMIT_SECONDS", "0.001");
  const remedies: string[] = [];
  let result: Awaited<ReturnType<typeof opened>> | undefined;
  while (!result) {
    result = await opened(() => {}).catch((error: LimitError) => {
      const [, seconds = ""] = /LSG_LIMIT_SECONDS=([\d.]+)\.$/.exec(error.remedy ?? "") ?? [];
      remedies.push(seconds);
      vi.stubEnv("LSG_LIMIT_SECONDS", seconds);
      return undefined;
    });
  }
  expect(remedies[0]).toBe("0.004");
  expect("tokenizer" in result && result.ids.length).toBeGreaterThan(0);
  if ("tokenizer" in result) await result.tokenizer.close();
});

test("limits that are no numbers are refused", async () => {
  vi.stubEnv("LSG_LIMIT_GIB", "much");
  await expect(opened(() => {})).rejects.toThrow('LSG_LIMIT_GIB is "much", expected a number above 0');
});

describe("verify finds it, and goes on", () => {
  test("while the tokenizer is opened", async () => {
    vi.stubEnv("LSG_LIMIT_SECONDS", "2");
    const folder = await copy();
    HOSTILE_TOKENIZERS["a pre-tokenizer whose regex backtracks"](folder);
    const checks = await checksOf(folder, { against: source }, "outputs");
    const verdicts = Object.fromEntries(checks.map(({ id, verdict }) => [id, verdict]));
    expect(verdicts).toMatchObject({ tokenizer: "fail", lossless: "pass", sweep: "pass", reach: "pass" });
  });

  test("while it makes text of tokens", async () => {
    vi.stubEnv("LSG_LIMIT_GIB", "0.25");
    const folder = await copy();
    HOSTILE_DECODERS["a decoder that doubles text"](folder);
    const checks = await checksOf(folder, { against: source }, "outputs");
    const predictions = checks.find(({ id }) => id === "predictions");
    expect(predictions).toMatchObject({
      verdict: "fail",
      remedy: expect.stringContaining("LSG_LIMIT_GIB=1"),
    });
    expect(checks.find(({ id }) => id === "tokenizer")?.verdict).toBe("pass");
  });
});
