import { describe, expect, test } from "vitest";
import { type ProgramOptions, runProgram } from "../../src/runtime/run-program.js";

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
    setTimeout(() => controller.abort(new Error("stopped")), 50);
    await expect(running).rejects.toThrow("stopped");
    await expect(run("", { signal: controller.signal })).rejects.toThrow("stopped");
  });
});
