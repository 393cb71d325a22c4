import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Check } from "../../src/verify/check.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { setUpHub } from "../support/hub-setup.js";
import { flipBit } from "../verify/damage.js";

const COMMIT = "d".repeat(40);
const NEWER = "e".repeat(40);
const SOURCE = join(FIXTURES, "roberta", "checkpoint");
const FILES = Object.fromEntries(readdirSync(SOURCE).map((file) => [file, readFileSync(join(SOURCE, file))]));

const WEIGHTS = Object.keys(FILES).find((file) => file.endsWith(".safetensors")) ?? "";

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
  expect((await run(["verify", output, ...VERIFY, "--against", "none"], offline)).code).toBe(0);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ original: null, verdict: "not_compared" });
  expect(checkOf(stdout, "original")).toMatchObject({
    verdict: "skipped",
    detail: expect.stringMatching(/NOTHING WAS COMPARED.*org\/model/),
  });
  expect(JSON.parse(stdout).summary).toMatch(/nothing was compared/);
});

test("a cache that was written to since is not what was converted, though the result was altered alike", async () => {
  const output = await convertFromHub();
  const snapshot = join(hub.cache, "models--org--model", "snapshots", COMMIT);
  const offline = { HF_HUB_OFFLINE: "1" };
  const sound = await run(["verify", output, ...VERIFY], offline);
  expect(sound.code, sound.stdout).toBe(0);
  expect(checkOf(sound.stdout, "source")?.verdict).toBe("pass");
  for (const folder of [snapshot, output]) flipBit(WEIGHTS, -1)(folder);
  for (const env of [{}, offline]) {
    const altered = await run(["verify", output, ...VERIFY], env);
    expect(altered.code).toBe(1);
    expect(checkOf(altered.stdout, "source")?.findings).toEqual([
      `${WEIGHTS} is not what the commit holds: somebody wrote into the cache`,
    ]);
    expect(checkOf(altered.stdout, "weights")?.verdict).toBe("pass");
  }
  // A file in the place of the link bears no hash for a name: no more is known of it.
  const content = readFileSync(join(snapshot, WEIGHTS));
  rmSync(join(snapshot, WEIGHTS));
  writeFileSync(join(snapshot, WEIGHTS), content);
  const unnamed = await run(["verify", output, ...VERIFY], offline);
  expect(checkOf(unnamed.stdout, "source")?.detail).toMatch(/knows no hash.*what lies there now, no more/);
  expect(JSON.parse(unnamed.stdout).summary).toMatch(/the original is what lies there now: no more is known/);
  // The remedy.
  rmSync(hub.cache, { recursive: true });
  const fetched = await run(["verify", output, ...VERIFY]);
  expect(checkOf(fetched.stdout, "source")?.verdict).toBe("pass");
  expect(checkOf(fetched.stdout, "weights")?.verdict).toBe("fail");
});
