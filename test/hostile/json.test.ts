import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../support/fixtures.js";
import { runHere } from "../support/in-process.js";
import "../support/one-thread.js";
import { convertedSmallBert } from "../verify/support.js";

const { source, folder: converted } = convertedSmallBert({}, { onnx: true });

/** What becomes of a JSON text. What is cut in a string took a regular expression all time that there is. */
const ATTACKS: Readonly<Record<string, (text: string) => string>> = {
  "cut inside a string": (text) => `${text.trimEnd().slice(0, -1)}, "x": "${"a".repeat(300_000)}`,
  "cut behind a backslash": (text) => `${text.trimEnd().slice(0, -1)}, "x": "${"\\\\".repeat(150_000)}\\`,
  "cut inside a number": (text) => `${text.trimEnd().slice(0, -1)}, "x": ${"1".repeat(300_000)}`,
  "nested without an end": (text) => `${text.trimEnd().slice(0, -1)}, "x": ${"[".repeat(100_000)}`,
  "nested deeply": (text) =>
    `${text.trimEnd().slice(0, -1)}, "x": ${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  "of objects in objects": (text) => `${'{"x":'.repeat(50_000)}${text}${"}".repeat(50_000)}`,
};

/** Values that are odd, and JSON. */
const ODDITIES: Readonly<Record<string, (text: string) => string>> = {
  "with the keys of every object": (text) =>
    text.replace("{", '{"__proto__": {"hidden_size": 1}, "constructor": {"prototype": 1},'),
  "with a number of many digits": (text) => text.replace("{", `{"x": ${"1".repeat(100_000)},`),
  "with halves of surrogate pairs": (text) => text.replace("{", '{"x": "\\ud800", "\\udfff": [1e999, -0.0],'),
  "with very many keys": (text) =>
    text.replace("{", `{${Array.from({ length: 150_000 }, (_, i) => `"key ${i}": 1.0`).join(",")},`),
};

/** JSON files, and whether every verb needs them. */
const FILES = {
  "config.json": true,
  "tokenizer.json": false,
  "tokenizer_config.json": false,
  "special_tokens_map.json": false,
  "lsg_conversion.json": false,
} as const;

/** Arguments by verb. @param original whether the folder is the one that is to be converted */
const VERBS: Readonly<Record<string, (folder: string, output: string) => string[]>> = {
  convert: (folder, output) => ["convert", folder, output],
  verify: (folder) => ["verify", folder, "--against", source, "--device", "cpu", "--lengths", "5"],
  export: (folder, output) => ["export", folder, output],
  inspect: (folder) => ["inspect", folder],
  bench: (folder) => ["bench", folder, "--lengths", "5", "--runs", "1", "--device", "cpu"],
  push: (folder) => ["push", folder, "somebody/something"],
};

beforeEach(() => {
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
  vi.stubEnv("HF_TOKEN", "hf_none");
  vi.stubEnv("HF_HUB_OFFLINE", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function copyOf(folder: string, file: string, change: (text: string) => string) {
  const root = await temporaryFolder();
  const copy = join(root, "copy");
  cpSync(folder, copy, { recursive: true });
  const path = join(copy, file);
  writeFileSync(path, change(existsSync(path) ? readFileSync(path, "utf8") : "{}"));
  return { copy, output: join(root, "output") };
}

describe.each(Object.entries(ATTACKS))("JSON %s", (_, change) => {
  test.each(Object.entries(FILES))("as %s ends every verb", async (file, isNeeded) => {
    for (const [verb, args] of Object.entries(VERBS)) {
      const isConverted = verb === "verify" || verb === "push";
      // A verification that runs models is tried in one file.
      if (verb === "verify" && file !== "config.json" && file !== "tokenizer.json") continue;
      const { copy, output } = await copyOf(isConverted ? converted : source, file, change);
      const { code, stderr } = await runHere(args(copy, output));
      expect(`${verb} ${code} ${stderr}`).toMatch(isNeeded || isConverted ? /^\w+ [12] / : /^\w+ [012] /);
      if (code !== 0) expect(existsSync(output)).toBe(false);
    }
  });
});

describe.each(Object.entries(ODDITIES))("JSON %s", (_, change) => {
  test.each(["config.json", "tokenizer.json"])("as %s is an input or a finding, and no bug", async (file) => {
    const { copy, output } = await copyOf(source, file, change);
    expect((await runHere(["convert", copy, output])).code).toBe(0);
    const { copy: spoilt } = await copyOf(converted, file, change);
    const { code, stdout } = await runHere([
      "verify",
      spoilt,
      "--against",
      source,
      "--device",
      "cpu",
      "--lengths",
      "5",
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/differences? from the plan/);
    expect(Object.hasOwn(Object.prototype, "hidden_size")).toBe(false);
  });
});
