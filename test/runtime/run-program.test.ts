import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { LimitError } from "../../src/base/errors.js";
import { kibibytesIn, residentBytes } from "../../src/runtime/resident-memory.js";
import { type ProgramOptions, runProgram } from "../../src/runtime/run-program.js";
import { temporaryFolder } from "../support/fixtures.js";

const run = (code: string, options?: ProgramOptions) => runProgram(process.execPath, ["-e", code], options);

describe("a program", () => {
  test("reads its input and environment, and its output is kept", async () => {
    const code =
      "process.stdin.on('data', (x) => process.stdout.write(x + process.env.WORD + process.env.PATH))";
    expect(await run(code, { input: "a", env: { WORD: "b" } })).toEqual({
      stdout: `ab${process.env.PATH}`,
      failure: undefined,
    });
  });

  test("that is absent is a result", async () => {
    expect(await runProgram("/nowhere/program", [])).toEqual({
      stdout: "",
      failure: "there is no such program",
    });
  });

  test("that fails is told apart by its code and its error, and keeps what it printed", async () => {
    expect(await run("console.log('half'); throw new TypeError('it broke')")).toEqual({
      stdout: "half\n",
      failure: "it ended with code 1: TypeError: it broke",
    });
    expect(await run("console.error('a warning\\nno such option'); process.exit(3)")).toMatchObject({
      failure: "it ended with code 3: no such option",
    });
    expect(await run("process.exit(4)")).toMatchObject({ failure: "it ended with code 4" });
  });

  test("that a signal ends is told apart", async () => {
    expect(await run("process.kill(process.pid, 'SIGKILL')")).toMatchObject({
      failure: "it was ended by SIGKILL",
    });
  });

  test("that does not read its input ends all the same", async () => {
    expect(await run("process.exit(0)", { input: "x".repeat(10e6) })).toMatchObject({ failure: undefined });
  });

  test("that has not ended when it is aborted throws the reason", async () => {
    const controller = new AbortController();
    const running = run("setInterval(() => {}, 1000)", { signal: controller.signal });
    void setTimeout(50).then(() => controller.abort(new Error("stopped")));
    await expect(running).rejects.toThrow("stopped");
    await expect(run("", { signal: controller.signal })).rejects.toThrow("stopped");
  });

  test("that takes more than it may is ended, with what it has started", async () => {
    const folder = await temporaryFolder();
    // It waits for a program of its own, which would write a file in the end.
    const inner = `setTimeout(() => require("node:fs").writeFileSync(${JSON.stringify(join(folder, "late"))}, ""), 4000)`;
    const outer = `require("node:child_process").spawnSync(process.execPath, ["-e", ${JSON.stringify(inner)}])`;
    const limits = { seconds: 2, bytes: Number.POSITIVE_INFINITY };
    await expect(run(outer, { limits })).rejects.toThrow(LimitError);
    await setTimeout(4000);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("that fills memory is ended, whatever time it has", async () => {
    const code = "const all = []; setInterval(() => all.push(Buffer.alloc(1 << 24, 1)), 10)";
    const limits = { seconds: Number.POSITIVE_INFINITY, bytes: 300e6 };
    await expect(run(code, { limits })).rejects.toThrow(/GiB of memory, which is the limit/);
  });
});

describe("what a process has resident", () => {
  test("is seen from outside", async () => {
    const found = (await residentBytes(process.pid)) ?? 0;
    expect(found / process.memoryUsage().rss).toBeGreaterThan(0.5);
    expect(found / process.memoryUsage().rss).toBeLessThan(2);
    expect(await residentBytes(2 ** 30)).toBeUndefined();
  });

  test.each([
    ["darwin", " 12345\n", 12345],
    ["darwin", "\n", undefined],
    ["win32", '"node.exe","1234","Console","1","45,678 K"\r\n', 45678],
    ["win32", '"node.exe","1234","Console","1","45.678 K"\r\n', 45678],
    ["win32", "INFO: No tasks are running which match the specified criteria.\r\n", undefined],
  ] as const)("as %s tells it", (platform, said, kibibytes) => {
    expect(kibibytesIn(said, platform)).toBe(kibibytes === undefined ? undefined : kibibytes * 1024);
  });
});
