import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { affordedTokens, SCORES_FOR_ALL, scoreBytes } from "../../src/attention/score-memory.js";
import { FULL } from "../../src/attention/variants.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { convert } from "../../src/commands/convert.js";
import { openModel } from "../../src/model/open.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { chooseDevice } from "../../src/runtime/devices.js";
import { bytesForScores, freeBytes } from "../../src/runtime/free-memory.js";
import type { VerificationReport } from "../../src/verify/report/report-schema.js";
import { verifyFolder } from "../../src/verify/verify.js";
import { temporaryFolder } from "../support/fixtures.js";
import { writeSmallBert } from "./small-bert.js";
import { failing, textOf } from "./support.js";

const HEADS = 2;

/** What so many tokens need; one more needs more. */
const bytesFor = (tokens: number) => 12 * scoreBytes(HEADS, tokens);

/** A small BERT of 32 positions, converted and verified with memory for inputs of so many tokens. */
async function verdict(given: object, tokens: number, lengths?: number[]): Promise<VerificationReport> {
  const folder = await temporaryFolder();
  const [source, output] = [writeSmallBert(join(folder, "source")), join(folder, "out")];
  await convert(source, output, parseConvertOptions({ ...given }));
  const original = openModel(await openFolder(source));
  return verifyFolder({
    converted: openModel(await openFolder(output)),
    name: "out",
    device: await chooseDevice("cpu"),
    memory: bytesFor(tokens),
    lengths,
    seed: 1,
    findOriginal: async () => ({ original }),
  });
}

/** Every length that a check's text speaks of as looked at. */
const measured = ({ checks, differences, costs }: VerificationReport) => [
  ...checks.flatMap(({ figure }) => figure?.length ?? []),
  ...[...differences, ...costs].map(({ length }) => length),
];

describe("inputs that memory does not allow", () => {
  test("are not looked at, and named: where the result's blocks are as wide as the source", async () => {
    const report = await verdict({ maxSequenceLength: 96 }, 20);
    expect(failing(report.checks), JSON.stringify(report.checks)).toEqual([]);
    expect(Math.max(...measured(report))).toBe(20);
    expect(report.looked_up_to).toEqual({ run: 20, compared: 20 });
    const text = textOf(report.checks, "memory");
    expect(text).toMatch(/NOT COVERED, although 32 tokens are promised/);
    expect(text).toContain("not compared with the original: inputs of 21 to 32 tokens");
    expect(text).toContain("not run: inputs of 21 to 96 tokens");
    expect(report.summary).toMatch(
      /up to 20 tokens it computes what the original computes; up to 20 tokens its outputs .* not looked at, for want of memory/,
    );
    expect(report.verdict).toBe("sound");
  });

  test("are the original's alone where the result's blocks are narrow", async () => {
    const report = await verdict({ maxSequenceLength: 96, blockSize: 4 }, 20);
    expect(failing(report.checks), JSON.stringify(report.checks)).toEqual([]);
    expect(report.looked_up_to).toEqual({ run: 96, compared: 20 });
    expect(Math.max(...report.costs.map(({ length }) => length))).toBe(96);
    const text = textOf(report.checks, "memory");
    expect(text).not.toMatch(/although|not run/);
    expect(text).toContain("not compared with the original: inputs of 21 to 32 tokens");
  });

  test("are none where there is enough, and nothing is said", async () => {
    const report = await verdict({ maxSequenceLength: 96 }, 32);
    expect(report.looked_up_to).toEqual({ run: 96, compared: 32 });
    expect(report.checks.map(({ id }) => id)).not.toContain("memory");
    expect(report.summary).toMatch(/up to 32 tokens it computes .*; up to 96 tokens its outputs/);
  });

  test("are none any more where the remedy was followed", async () => {
    const { checks } = await verdict({ maxSequenceLength: 96 }, 20);
    const remedy = checks.find(({ id }) => id === "memory")?.remedy;
    const length = Number(/--max-sequence-length (\d+)/.exec(remedy ?? "")?.[1]);
    expect(length).toBe(20);
    const report = await verdict({ maxSequenceLength: length }, 20);
    expect(failing(report.checks)).toEqual([]);
    expect(report.checks.map(({ id }) => id)).not.toContain("memory");
    expect(report.looked_up_to).toEqual({ run: 20, compared: 20 });
  });

  test("--lengths that name one are refused", async () => {
    await expect(verdict({ maxSequenceLength: 96 }, 20, [5, 21])).rejects.toThrow(
      "--lengths 21: memory does not allow inputs of more than 20 tokens here",
    );
    await expect(verdict({ maxSequenceLength: 96 }, 20, [97])).rejects.toThrow("the model reads 96 tokens");
  });
});

describe("how many tokens memory allows", () => {
  const sizes = { heads: 12, maxLength: 40_000 };
  const lsg = (block_size: number) => ({ kind: "lsg", config: { block_size } }) as never;

  test("is all that a table reaches where no input is in full attention for long", () => {
    expect(affordedTokens(lsg(256), { ...sizes, maxLength: 1 << 20, bytes: SCORES_FOR_ALL })).toBe(1 << 20);
  });

  test("of full attention grows with the root of the memory", () => {
    const one = affordedTokens(FULL, { ...sizes, bytes: SCORES_FOR_ALL });
    const four = affordedTokens(FULL, { ...sizes, bytes: 4 * SCORES_FOR_ALL });
    expect(one).toBe(2730);
    expect(four).toBe(2 * one + 1);
    expect(affordedTokens(lsg(20_000), { ...sizes, maxLength: 80_000, bytes: SCORES_FOR_ALL })).toBe(one);
  });

  test("is never less than what a model card counts on", () => {
    expect(freeBytes()).toBeGreaterThan(0);
    expect(freeBytes()).toBeLessThan(process.availableMemory() * 1.1);
    expect(bytesForScores()).toBeGreaterThanOrEqual(SCORES_FOR_ALL);
  });
});
