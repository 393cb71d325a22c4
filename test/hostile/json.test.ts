import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../support/fixtures.js";
import { runHere } from "../support/in-process.js";
import { variants } from "../support/variants.js";
import { checksOf, convertedSmallBert, failing } from "../verify/support.js";

const { source, folder: converted } = convertedSmallBert();

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

/** Verbs that run no model of a folder that they cannot read: arguments by verb. */
const VERBS: Readonly<Record<string, (folder: string, output: string) => string[]>> = {
  convert: (folder, output) => ["convert", folder, output],
  export: (folder, output) => ["export", folder, output],
  inspect: (folder) => ["inspect", folder],
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
  test.each(variants(Object.entries(FILES)))(
    "as %s is an input that is wrong, where it is read at all",
    async (file, isNeeded) => {
      for (const args of Object.values(VERBS)) {
        const { copy, output } = await copyOf(source, file, change);
        const { code, stderr } = await runHere(args(copy, output));
        expect(isNeeded ? [2] : [0, 2], stderr).toContain(code);
        expect(existsSync(output)).toBe(code === 0 && output !== undefined && args !== VERBS.inspect);
      }
    },
  );

  test.each(variants(Object.keys(FILES)))("as %s of a converted folder is a finding", async (file) => {
    const { copy } = await copyOf(converted, file, change);
    expect(failing(await checksOf(copy, { against: source }, "files"))).not.toEqual([]);
  });
});

test.each([
  ["bench", (folder: string) => ["bench", folder, "--lengths", "5", "--runs", "1"], 2],
  ["push", (folder: string) => ["push", folder, "somebody/something"], 2],
  ["verify", (folder: string) => ["verify", folder, "--against", source], 1],
] as const)("JSON cut inside a string ends %s", async (_, args, ends) => {
  const cut = ATTACKS["cut inside a string"] as (text: string) => string;
  const { copy } = await copyOf(converted, "config.json", cut);
  expect((await runHere(args(copy))).code).toBe(ends);
});

describe.each(Object.entries(ODDITIES))("JSON %s", (_, change) => {
  test.each(variants(["config.json", "tokenizer.json"]))(
    "as %s is an input or a finding, and no bug",
    async (file) => {
      const { copy, output } = await copyOf(source, file, change);
      expect((await runHere(["convert", copy, output])).code).toBe(0);
      const { copy: spoilt } = await copyOf(converted, file, change);
      const checks = await checksOf(spoilt, { against: source }, "files");
      expect(checks.find(({ id }) => id === (file === "config.json" ? "config" : "files"))?.detail).toMatch(
        /differences? from the plan/,
      );
      expect(Object.hasOwn(Object.prototype, "hidden_size")).toBe(false);
    },
  );
});
