import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { startWorker } from "../../src/bench/worker.js";
import { temporaryFolder } from "../support/fixtures.js";
import { PATIENCE } from "../support/patience.js";

/** A program that answers to lines: `line` and `count` are what its body knows. */
async function program(body: string): Promise<[string, string]> {
  const path = join(await temporaryFolder(), "program.mjs");
  const code = `
    import { createInterface } from "node:readline";
    let count = 0;
    const answer = (value) => console.log(JSON.stringify(value));
    for await (const line of createInterface({ input: process.stdin })) { count++; ${body} }`;
  await writeFile(path, code);
  return [process.execPath, path];
}

describe("a worker", () => {
  test("answers line by line, whatever a driver writes between", async () => {
    const code = `console.log("a driver's notice"); answer({ seconds: count, megabytes: JSON.parse(line).inputs ? 2 : 1 });`;
    const worker = await startWorker(await program(code), {});
    expect(worker.loading).toEqual({ seconds: 1, megabytes: 1 });
    expect(await worker.run({})).toEqual({ seconds: 2, megabytes: 2 });
    worker.close();
    worker.close();
  });

  test.skipIf(process.platform === "win32")("that the system kills says so, now and later", async () => {
    const code = `if (count === 1) answer({ seconds: 1, megabytes: 1 }); else process.kill(process.pid, "SIGKILL");`;
    const worker = await startWorker(await program(code), {});
    const error = "its process ended by SIGKILL, mostly for want of memory";
    expect(await worker.run({})).toEqual({ error });
    expect(await worker.run({})).toEqual({ error });
  });

  test("that ends by itself says with which code, while it loads too", async () => {
    const worker = await startWorker(await program("process.exit(3);"), {});
    expect(worker.loading).toEqual({ error: "its process ended with code 3" });
  });

  test("that cannot be started says why", async () => {
    const worker = await startWorker(["/there/is/no/such/program"], {});
    expect(worker.loading).toEqual({ error: expect.stringContaining("ENOENT") });
  });

  test("ends with the measurement that is aborted", async () => {
    const controller = new AbortController();
    const command = await program("if (count === 1) answer({ seconds: process.pid, megabytes: 1 });");
    const worker = await startWorker(command, {}, { signal: controller.signal });
    const running = worker.run({});
    controller.abort(new Error("stopped"));
    await expect(running).rejects.toThrow("stopped");
    const { seconds: pid = Number.NaN } = worker.loading as { seconds?: number };
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), PATIENCE);
  });
});
