import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { isLocal } from "../../src/attention/variants.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { convert } from "../../src/commands/convert.js";
import { openModel } from "../../src/model/open.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { bytesForScores } from "../../src/runtime/free-memory.js";
import { inThisProcess } from "../../src/runtime/graph-host.js";
import { inputSource } from "../../src/runtime/input-source.js";
import { type OpenRunnable, openRunnable } from "../../src/runtime/open-runnable.js";
import { loadRuntime } from "../../src/runtime/runtime.js";
import { openWorkspace, type Workspace } from "../../src/runtime/workspace.js";
import { measureCost } from "../../src/verify/model/cost.js";
import type { Subject } from "../../src/verify/model/subject.js";
import { FIXTURES } from "../support/fixtures.js";
import { PATIENCE } from "../support/patience.js";

const root = mkdtempSync(join(tmpdir(), "lsg-test-"));
let workspace: Workspace;
let converted: OpenRunnable;
let subject: Subject;

beforeAll(async () => {
  const folder = join(root, "converted");
  await convert(join(FIXTURES, "shakespeare"), folder, parseConvertOptions({}));
  const source = await openFolder(folder);
  const model = await openModel(source).model();
  const attention = model.attention();
  if (!isLocal(attention)) throw new Error("the conversion is no LSG model");
  workspace = await openWorkspace(source);
  converted = await openRunnable(model, {
    memory: bytesForScores(),
    ...{ host: inThisProcess(await loadRuntime()), workspace, device: "cpu", lshSeed: 0, title: "the model" },
  });
  const inputs = inputSource(model, []);
  const nothing = {
    original: undefined,
    promise: { lossless_up_to: 0, hidden_states_up_to: 0 },
    lengths: undefined,
    signal: undefined,
  };
  subject = { converted, attention, inputs, seed: 0, ...nothing };
});
afterAll(async () => {
  await converted.close();
  await workspace.close();
  rmSync(root, { recursive: true });
});

/** What measures, other than the usual program. */
function program(code: string): URL {
  const path = join(root, "program.mjs");
  mkdirSync(root, { recursive: true });
  writeFileSync(path, code);
  return pathToFileURL(path);
}

describe("time and memory", () => {
  test("are measured at ascending lengths, without what the verifying process holds", async () => {
    const ballast = Buffer.alloc(500e6, 1);
    const { outcome, costs } = await measureCost({ ...subject, lengths: [512, 17, 512] }, "cpu");
    expect(ballast[0]).toBe(1);
    expect(costs.map(({ length }) => length)).toEqual([17, 512]);
    const [short, long] = costs.map(({ megabytes }) => megabytes);
    expect(short).toBeGreaterThan(40);
    expect(long).toBeGreaterThan(short ?? Number.NaN);
    expect(long).toBeLessThan(400);
    expect(costs.every(({ seconds }) => seconds > 0 && seconds < 60)).toBe(true);
    expect(outcome).toMatchObject({
      verdict: "stated",
      detail: expect.stringMatching(/^17 tokens .* MB; 512/),
    });
  });

  test("double from 512 tokens up to the longest input, which the program is fed with as the graph wants it", async () => {
    const code = `
      const request = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
      for (const { input_ids: { dims, values } } of request.inputs) {
        if (values.length !== dims[1]) throw new Error("values are missing");
        console.log(JSON.stringify({ length: dims[1], seconds: 1, megabytes: 2 }));
      }`;
    const { costs } = await measureCost(subject, "cpu", program(code));
    expect(costs.map(({ length }) => length)).toEqual([512, 1024, 2048, 4096]);
  });

  test("that a crash cuts short are stated with its reason", async () => {
    const code = `console.log('{"length":5,"seconds":0.5,"megabytes":70}'); throw new Error("no more memory");`;
    const { outcome, costs } = await measureCost(subject, "cpu", program(code));
    expect(costs).toEqual([{ length: 5, seconds: 0.5, megabytes: 70 }]);
    expect(outcome).toEqual({
      verdict: "stated",
      detail:
        "5 tokens 0.50 s, 70 MB; the process that measures did not end well: it ended with code 1: Error: no more memory",
    });
  });

  test("are left out where nothing was measured: a cost is no verdict", async () => {
    const missing = { ...converted, graphPath: join(root, "nowhere.onnx") };
    const { outcome, costs } = await measureCost({ ...subject, converted: missing }, "cpu");
    expect(costs).toEqual([]);
    expect(outcome).toMatchObject({ verdict: "skipped", detail: expect.stringMatching(/nowhere\.onnx/) });
  });

  test.skipIf(process.platform === "win32")("end with the verification that is aborted", async () => {
    const pidFile = join(root, "pid");
    const code = `
      (await import("node:fs")).writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
      setInterval(() => {}, 1000);`;
    const controller = new AbortController();
    const measuring = measureCost({ ...subject, signal: controller.signal }, "cpu", program(code));
    const pid = await vi.waitFor(() => Number(readFileSync(pidFile, "utf8") || Number.NaN), PATIENCE);
    expect(process.kill(pid, 0)).toBe(true);
    controller.abort(new Error("stopped"));
    await expect(measuring).rejects.toThrow("stopped");
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), PATIENCE);
  });
});
