import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Check } from "../../src/verify/types.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { setUpHub } from "../support/hub-setup.js";

const COMMIT = "d".repeat(40);
const NEWER = "e".repeat(40);
const SOURCE = join(FIXTURES, "roberta", "checkpoint");
const FILES = Object.fromEntries(readdirSync(SOURCE).map((file) => [file, readFileSync(join(SOURCE, file))]));

const hub = setUpHub({
  "org/model": { commits: { [COMMIT]: FILES, [NEWER]: { "config.json": "{}" } }, refs: { main: COMMIT } },
});

async function run(args: string[], env: Record<string, string> = {}) {
  const settings = { HF_ENDPOINT: hub.server.endpoint, HF_HUB_CACHE: hub.cache, LSG_PYTHON: "", ...env };
  return lsg(args, { cwd: await temporaryFolder(), env: { ...process.env, ...settings } });
}

async function convertFromHub(): Promise<string> {
  const output = join(await temporaryFolder(), "converted");
  const { code, stderr } = await run(["convert", "org/model", output, "--max-sequence-length", "600"]);
  expect(code, stderr).toBe(0);
  return output;
}

const VERIFY = ["--device", "cpu", "--lengths", "5,600", "--json"];

function checkOf(stdout: string, id: string): Check | undefined {
  return JSON.parse(stdout).checks.find((check: Check) => check.id === id);
}

test("the original is had from the Hub, in the revision that was converted", async () => {
  const output = await convertFromHub();
  const { code, stdout, stderr } = await run(["verify", output, ...VERIFY]);
  expect(code, stderr + stdout).toBe(0);
  expect(JSON.parse(stdout).original).toBe("org/model");
  expect(checkOf(stdout, "weights")?.verdict).toBe("pass");
  expect(checkOf(stdout, "lossless")?.verdict).toBe("pass");
});

test("where the Hub cannot be reached, it says aloud that nothing was compared", async () => {
  const output = await convertFromHub();
  const offline = { HF_HUB_OFFLINE: "1", HF_HUB_CACHE: await temporaryFolder() };
  const { code, stdout } = await run(["verify", output, ...VERIFY], offline);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).original).toBeNull();
  expect(checkOf(stdout, "original")).toMatchObject({
    verdict: "skipped",
    detail: expect.stringMatching(/NOTHING WAS COMPARED.*org\/model/),
  });
  expect(JSON.parse(stdout).summary).toMatch(/nothing was compared/);
});
