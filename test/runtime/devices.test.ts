import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEVICES } from "../../src/base/device-names.js";
import { DeviceError } from "../../src/base/errors.js";
import { chooseDevice, listDevices, probe } from "../../src/runtime/devices.js";

/** Onnxruntime-node has it for another platform, which it names. */
const [ABSENT, ITS_PLATFORM] =
  process.platform === "darwin" ? (["dml", "Windows"] as const) : (["coreml", "macOS"] as const);

describe("the list of devices", () => {
  const listed = listDevices();

  it("holds every device once", async () => {
    const names = (await listed).map(({ name }) => name);
    expect(["auto", ...names].sort()).toEqual([...DEVICES].sort());
  });

  it("ranks hardware first, then software, then what is absent, and says why that is", async () => {
    const ranks = (await listed).map(({ available, software }) => (available ? Number(software) : 2));
    expect(ranks).toEqual(ranks.toSorted());
    expect((await listed).filter(({ detail }) => detail === "")).toEqual([]);
  });

  it("begins with what auto takes", async () => {
    expect(await chooseDevice("auto")).toEqual((await listed)[0]);
  });

  it.runIf(process.platform === "linux")("names what is missing of a device that is absent", async () => {
    const absent = (await listed).filter(({ name, available }) => /cuda|webgpu/.test(name) && !available);
    for (const { missing, remedy, detail } of absent) {
      expect(missing).not.toHaveLength(0);
      expect(detail).toBe(`it needs ${missing?.join(", ")}`);
      expect(remedy).toBeTruthy();
    }
  });
});

describe("choosing a device", () => {
  it("takes the CPU, which is always there", async () => {
    expect(await chooseDevice("cpu")).toMatchObject({ name: "cpu", available: true, software: false });
  });

  it("is an error for a device that is absent, never another device", async () => {
    const error: unknown = await chooseDevice(ABSENT).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeviceError);
    expect(error).toMatchObject({
      message: `--device ${ABSENT}: onnxruntime-node has it on ${ITS_PLATFORM} only`,
      remedy: "lsg verify --list-devices shows what there is",
      exitCode: 2,
    });
  });
});

describe("a probe", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lsg-test-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A driver that does as `code` does. */
  function program(code: string): URL {
    const path = join(folder, "driver.mjs");
    writeFileSync(path, code);
    return pathToFileURL(path);
  }

  it("runs a node on the CPU", async () => {
    expect(await probe("cpu")).toEqual({
      shares: [{ provider: "CPUExecutionProvider", nodes: 1, share: 1, operators: ["Add"] }],
    });
  });

  it("outlives a driver that ends its process", async () => {
    const result = await probe("webgpu", program("process.abort();"));
    expect(result).toEqual({ error: "its driver ended the process with SIGABRT", missing: [] });
  });

  it("does not count a device whose driver fails after the answer", async () => {
    const code = `process.stdout.write('{"shares": []}', () => process.kill(process.pid, "SIGSEGV"));`;
    expect(await probe("webgpu", program(code))).toMatchObject({
      error: "its driver ended the process with SIGSEGV",
    });
  });

  it("names the library that a provider could not load, as the runtime's log does", async () => {
    const log = "[E:onnxruntime] Failed to load library /x/a.so with error: libcublasLt.so.12: no such file";
    const code = `console.error(${JSON.stringify(log)}); console.log('{"error": "failed", "missing": []}');`;
    const result = await probe("cuda", program(code));
    expect(result).toEqual({ error: "libcublasLt.so.12: no such file", missing: [] });
  });

  it("says what went wrong where nothing was answered", async () => {
    const result = await probe("webgpu", program("throw new Error('no such thing');"));
    expect(result).toMatchObject({ error: "it could not be tried: Error: no such thing" });
  });
});
