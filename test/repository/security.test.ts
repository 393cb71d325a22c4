import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { TARGETS } from "../fuzz/targets/targets.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const page = read("SECURITY.md");

describe("SECURITY.md", () => {
  test("names tests that are there, for each promise", () => {
    const [, table = ""] = /^## How it is tested\n(.*?)^`npm run fuzz/ms.exec(page) ?? [];
    const rows = [...table.matchAll(/^\| (?!promise|---)(.+?) +\| (.+?) +\|$/gm)];
    expect(rows.length).toBeGreaterThan(9);
    for (const [, promise, tests = ""] of rows) {
      const files = [...tests.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file);
      expect(files, promise).not.toEqual([]);
      expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    }
  });

  test("names functions that are there, and every target", () => {
    const sources = ["printable.ts", "markdown.ts"].map((file) => read(`src/base/${file}`)).join("");
    const functions = [...page.matchAll(/`(\w+)\(\)`/g)].map(([, name]) => name);
    expect(functions.length).toBeGreaterThan(5);
    for (const name of functions) expect(sources).toContain(`export function ${name}(`);
    for (const name of Object.keys(TARGETS)) expect(page).toContain(`\`${name}\``);
  });

  test("is linked, and links pages that are there", () => {
    expect(read("README.md")).toContain("(SECURITY.md)");
    const links = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, path = ""]) => path);
    expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe("CI", () => {
  const commands = [read(".ci/run"), ...workflows().flatMap(({ runs }) => runs)];

  test("fuzzes for a bounded time, on the machine and on GitHub's", () => {
    expect(read(".ci/run")).toMatch(/^npm run fuzz -- --seconds \d+ --seed \d+$/m);
    expect(commands.filter((command) => /npm run fuzz -- --seconds/.test(command))).toHaveLength(2);
    for (const { minutes } of workflows()) expect(minutes).toBeLessThanOrEqual(60);
  });

  test("puts nothing into scripts that an event says", () => {
    expect(commands.filter((command) => command.includes("${{"))).toEqual([]);
  });
});

/** The jobs of GitHub's workflows. */
function workflows(): { readonly runs: string[]; readonly minutes: number }[] {
  const folder = ".github/workflows";
  return readdirSync(join(ROOT, folder)).flatMap((file) => {
    const { jobs } = parse(read(join(folder, file))) as {
      jobs: Record<string, { "timeout-minutes": number; steps: { run?: string }[] }>;
    };
    return Object.values(jobs).map(({ steps, ...job }) => ({
      runs: steps.flatMap(({ run = [] }) => run),
      minutes: job["timeout-minutes"],
    }));
  });
}
