import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSource } from "../../../src/checkpoint/open-source.js";
import { lsg } from "../../support/cli.js";
import { temporaryFolder } from "../../support/fixtures.js";
import { setUpHub } from "../../support/hub-setup.js";
import { HOME } from "./support.js";

const COMMIT = "d".repeat(40);
const SOURCE = join(HOME, "nested");
const FILES = Object.fromEntries(
  readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => [path.slice(SOURCE.length + 1).replaceAll("\\", "/"), readFileSync(path)]),
);
const hub = setUpHub({ "org/nested": { commits: { [COMMIT]: FILES }, refs: { main: COMMIT } } });

test("a Hub model with its transformer in 0_Transformer/ is converted as a folder is", async () => {
  const cwd = await temporaryFolder();
  const env = { ...process.env, HF_ENDPOINT: hub.server.endpoint, HF_HUB_CACHE: hub.cache };
  const options = ["--max-sequence-length", "256", "--quiet"];
  const remote = await lsg(["convert", "org/nested", "remote", ...options], { cwd, env });
  expect(remote.code, remote.stderr).toBe(0);
  const local = await lsg(["convert", SOURCE, "local", ...options], { cwd, env });
  expect(local.code, local.stderr).toBe(0);
  // These name the source.
  const files = readdirSync(join(cwd, "local"), { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile() && !["README.md", "lsg_conversion.json"].includes(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(cwd, "local").length + 1));
  expect(files.length).toBeGreaterThan(12);
  for (const file of files) {
    expect(readFileSync(join(cwd, "remote", file)).equals(readFileSync(join(cwd, "local", file))), file).toBe(
      true,
    );
  }
});

test("parts of a file, and files that are not there, are read as where they lie", async () => {
  const source = await openSource(SOURCE);
  expect(source.files.has("0_Transformer/config.json")).toBe(false);
  const whole = await source.read("modules.json");
  expect((await source.readRange("modules.json", 4, 12)).equals(whole.subarray(4, 12))).toBe(true);
  expect(source.files.get("modules.json")?.size).toBe(whole.length);
  expect((await source.readRange("vocab.txt", 0, 5)).toString()).toBe("<pad>");
  await expect(source.read("0_Transformer/config.json")).rejects.toThrow(
    /has no file 0_Transformer\/config\.json/,
  );
});
