import { randomUUID } from "node:crypto";
import { cpSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { verify } from "../../src/commands/verify.js";
import { parseConvertOptions, parseVerifyOptions, type VerifyOptions } from "../../src/options/options.js";
import type { VerificationReport } from "../../src/verify/report/report-schema.js";
import { temporaryFolder } from "../support/fixtures.js";
import "../support/one-thread.js";
import type { Check } from "../../src/verify/check.js";
import { type SmallModel, writeSmallBert } from "./small-bert.js";

type Given = Readonly<Record<string, unknown>>;

/** A conversion that the tests of a file damage copies of. */
export interface Conversion {
  /** The original. */
  readonly source: string;
  readonly folder: string;
  /** A copy that goes when the test ends. */
  copy(): Promise<string>;
}

/** Converts once, before the tests of a file. @param source a folder, or what writes one of this name */
export function converted(source: string | ((folder: string) => string), given: Given): Conversion {
  const root = join(tmpdir(), `lsg-test-${randomUUID()}`);
  const original = typeof source === "string" ? source : join(root, "original");
  const result = join(root, "converted");
  beforeAll(async () => {
    if (typeof source !== "string") source(original);
    await convert(original, result, parseConvertOptions(given));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return {
    source: original,
    folder: result,
    async copy() {
      const folder = join(await temporaryFolder(), "copy");
      cpSync(result, folder, { recursive: true });
      return folder;
    },
  };
}

/** A small model that is converted to 96 tokens, three times what it could read; blocks of 16. */
export function convertedSmallBert(model: SmallModel = {}, given: Given = {}): Conversion {
  return converted((folder) => writeSmallBert(folder, model), { maxSequenceLength: 96, ...given });
}

/** Verifies a folder. */
export function verdictOf(folder: string, given: Given = {}): Promise<VerificationReport> {
  return verify(folder, verifyOptions(given));
}

/** On the CPU, at a length within a block, at the longest lossless one, and at the longest. */
function verifyOptions(given: Given): VerifyOptions {
  return parseVerifyOptions({ device: "cpu", lengths: [5, 32, 96], ...given });
}

/** Ids of the checks that failed. */
export function failing(checks: readonly Check[]): string[] {
  return checks.filter(({ verdict }) => verdict === "fail").map(({ id }) => id);
}

/** What a check says, all of it. */
export function textOf(checks: readonly Check[], id: string): string {
  return checks
    .filter((check) => check.id === id)
    .flatMap(({ detail, findings = [] }) => [detail, ...findings])
    .join("\n");
}

/** Where a verification may end: before it runs models, and before it measures what they cost. */
const ENDS = { files: "graphs over the weights", outputs: "nodes by provider" };

/** The checks up to some point: what comes behind it takes most of the time, and finds no fault in a folder. */
export async function checksOf(folder: string, given: Given, end: keyof typeof ENDS): Promise<Check[]> {
  const checks: Check[] = [];
  const stop = new AbortController();
  await verify(folder, verifyOptions(given), {
    signal: stop.signal,
    onStart: (title) => void (title === ENDS[end] && stop.abort()),
    onCheck: (check) => void checks.push(check),
  }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  if (checks.some(({ id }) => id === "cost")) throw new Error(`no check is called ${ENDS[end]}`);
  return checks;
}

interface Crime {
  /** What is done to the folder. */
  readonly damage: (folder: string) => unknown;
  /** The checks that fail. */
  readonly fails: readonly string[];
  /** What the first of them says: place, found, expected. */
  readonly says: RegExp;
  /** Which of them says it, if not the first. */
  readonly where?: string;
}

type Crimes = Readonly<Record<string, Crime>>;

/** For each crime a test: the named checks fail and no other, and the first one's text says what is wrong. */
export function testCrimes({ source, copy }: Conversion, crimes: Crimes): void {
  test.each(Object.entries(crimes))("%s", async (_, crime) => {
    const folder = await copy();
    await crime.damage(folder);
    expectFailing(await checksOf(folder, { against: source }, "outputs"), crime);
  });
}

/** The same for crimes that show in a folder's files; how the model computes is not looked at. */
export function testFileCrimes({ source, copy }: Conversion, crimes: Crimes): void {
  test.each(Object.entries(crimes))("%s", async (_, crime) => {
    const folder = await copy();
    await crime.damage(folder);
    expectFailing(await checksOf(folder, { against: source }, "files"), crime);
  });
}

function expectFailing(checks: readonly Check[], { fails, says, where = fails[0] ?? "" }: Crime): void {
  expect(failing(checks), JSON.stringify(checks, null, 1)).toEqual(fails);
  expect(textOf(checks, where)).toMatch(says);
}

/** Converts and verifies; expects that nothing failed and that every file was compared. */
export async function expectSound(source: string, given: Given, lengths: readonly number[] = [5, 32, 96]) {
  const folder = join(await temporaryFolder(), "converted");
  const { plan } = await convert(source, folder, parseConvertOptions(given));
  const checks = await checksOf(folder, { against: source, lengths }, "outputs");
  expect(failing(checks), JSON.stringify(checks, null, 1)).toEqual([]);
  const passed = checks.filter(({ verdict }) => verdict === "pass").map(({ id }) => id);
  const code = plan.record.variant === "lsg" ? ["modeling"] : [];
  expect(passed).toEqual(
    expect.arrayContaining(["plan", "config", "files", "weights", "promise", "length", ...code]),
  );
  expect(passed).toEqual(expect.arrayContaining(["load", "attention-op", "sweep"]));
  const promised = plan.record.promise.lossless_up_to;
  expect(passed.includes("lossless")).toBe(plan.record.promise.hidden_states_up_to > 0);
  return { folder, checks, passed, promised };
}
