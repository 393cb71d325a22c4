import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type * as Package from "../../src/base/package.js";
import { STOP } from "../../src/batch/job-messages.js";

const ROOT = new URL("../../", import.meta.url);

/** The file that knows where things lie, as sources, as compiled files and as the bundle have it. */
const HOMES: Record<string, () => Promise<Partial<typeof Package>>> = {
  sources: () => import("../../src/base/package.js"),
  compiled: () => import(new URL("dist/src/base/package.js", ROOT).href),
  bundle: async () => {
    const folder = new URL("dist/lsg/", ROOT);
    const chunk = readdirSync(folder).find((name) =>
      readFileSync(new URL(name, folder), "utf8").includes("function packageFolder("),
    );
    const exported = Object.values<unknown>(await import(new URL(chunk ?? "", folder).href));
    return Object.fromEntries(
      exported.map((value) => [typeof value === "function" ? value.name : String(value), value]),
    );
  },
};

/** What each program does where it is given nothing to do, so that it ends of itself. */
const PROGRAMS: Record<string, (program: string) => unknown> = {
  "bench/program": (program) => node(program, ""),
  "runtime/probe-device": (program) => JSON.parse(node(program, "", "cpu")).shares.length,
  "verify/model/cost-program": (program) => () =>
    node(program, '{"graphPath":"/absent.onnx","device":"cpu","inputs":[]}'),
};

function node(program: string, input: string, ...args: string[]): string {
  return execFileSync(process.execPath, [program, ...args], { input, encoding: "utf8", stdio: "pipe" });
}

describe.each(Object.keys(HOMES))("from the %s", (home) => {
  const load = async () => (await HOMES[home]?.()) ?? {};

  test("package, converters and modelling code are found", async () => {
    const found = await load();
    expect(found.packageInfo?.()).toMatchObject({ name: "lsg-convert" });
    const folders = Object.values(found).filter(
      (value): value is URL => value instanceof URL && value.pathname.endsWith("/"),
    );
    const contents = folders.map((folder) => readdirSync(folder));
    const extension = home === "sources" ? "ts" : "js";
    expect(contents.some((names) => names.includes(`bert.${extension}`))).toBe(true);
    expect(contents.some((names) => names.includes("modeling_lsg_bert.py"))).toBe(true);
  });

  test("each program of ours runs", async () => {
    const { ownProgram } = await load();
    const run = (name: string) => PROGRAMS[name]?.(fileURLToPath(ownProgram?.(name) ?? ""));
    expect(run("bench/program")).toBe("");
    expect(run("runtime/probe-device")).toBe(1);
    // It gets as far as opening what it is given.
    expect(run("verify/model/cost-program")).toThrow(/absent\.onnx.* doesn't exist/);
  });

  test("the program of a batch's jobs runs", async () => {
    const { bundledProgram } = await load();
    // The bundle keeps only what it names.
    const program = bundledProgram?.("batch-job") ?? new URL("dist/lsg/batch-job.js", ROOT);
    expect(existsSync(program)).toBe(true);
    const child = fork(program, { stdio: "ignore" });
    const ended = once(child, "exit");
    child.send(STOP, () => child.disconnect());
    expect((await ended)[0]).toBe(0);
  });
});

test("these are all the programs that there are", () => {
  const sources = new URL("src/", ROOT);
  const named = readdirSync(sources, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [...readFileSync(new URL(file, sources), "utf8").matchAll(/ownProgram\("([^"]+)"\)/g)])
    .map(([, name]) => name);
  expect([...new Set(named)].sort()).toEqual(Object.keys(PROGRAMS).sort());
});
