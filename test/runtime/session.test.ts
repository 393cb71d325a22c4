import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createGraph } from "../../src/onnx/builder.js";
import { modelBytes } from "../../src/onnx/writer.js";
import { loadRuntime, type Runtime } from "../../src/runtime/runtime.js";
import { openSession } from "../../src/runtime/session.js";
import type { Dtype } from "../../src/safetensors/dtype.js";
import { writeSafetensors } from "../support/safetensors.js";

/** y = ids + x, as `dtype`. */
function additionModel(dtype: Dtype = "F32"): Promise<Uint8Array> {
  const { op, input, output, model } = createGraph("test");
  const ids = input("ids", "I64", ["length"]);
  const x = input("x", "F32", ["length"]);
  output("y", op.Cast(op.Add(op.Cast(ids, { to: "F32" }), x), { to: dtype }), dtype, ["length"]);
  return modelBytes(model());
}

const INPUTS = {
  ids: { dims: [3], values: [1, -2, 2 ** 20], dtype: "int64" },
  x: { dims: [3], values: [0.5, 0.25, 0], dtype: "float32" },
} as const;
/** Onnxruntime-node has it for another platform. */
const ABSENT = process.platform === "darwin" ? "dml" : "coreml";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lsg-test-"));
  vi.stubEnv("TMPDIR", folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe("a session", () => {
  it("takes int64 and float32 and gives float32", async () => {
    const session = await openSession(await loadRuntime(), await additionModel(), { device: "cpu" });
    expect(session.inputNames).toEqual(["ids", "x"]);
    expect(session.outputNames).toEqual(["y"]);
    expect(await session.run(INPUTS)).toEqual({
      y: { dims: [3], values: Float32Array.of(1.5, -1.75, 2 ** 20) },
    });
    await session.close();
  });

  it("asks the runtime for as many threads as it is told to, and else leaves that to it", async () => {
    const { InferenceSession, ...runtime } = await loadRuntime();
    const asked: unknown[] = [];
    const create = (model: Uint8Array, options: InferenceSession.SessionOptions) => {
      asked.push(options.intraOpNumThreads);
      return InferenceSession.create(model, options);
    };
    const listening = { ...runtime, InferenceSession: { create } } as Runtime;
    for (const threads of [3, undefined]) {
      const session = await openSession(listening, await additionModel(), { device: "cpu", threads });
      await session.close();
    }
    expect(asked).toEqual([3, undefined]);
  });

  it("decodes float16", async () => {
    const session = await openSession(await loadRuntime(), await additionModel("F16"), { device: "cpu" });
    const { y } = await session.run(INPUTS);
    expect(y?.values).toEqual(Float32Array.of(1.5, -1.75, Number.POSITIVE_INFINITY));
    await session.close();
  });

  it("refuses outputs that are no floats", async () => {
    const session = await openSession(await loadRuntime(), await additionModel("I64"), { device: "cpu" });
    await expect(session.run(INPUTS)).rejects.toThrow("output y is int64");
    await session.close();
  });

  it("reads weights that lie in a safetensors file beside the graph", async () => {
    const bytes = Buffer.from(Float32Array.of(9, 8, 7, 6).buffer);
    const weights = writeSafetensors({ bias: { dtype: "F32", shape: [4], bytes } });
    writeFileSync(join(folder, "model.safetensors"), weights);
    const { op, input, output, initializer, model } = createGraph("test");
    const data = {
      kind: "external",
      location: "model.safetensors",
      offset: weights.length - bytes.length,
      length: bytes.length,
    } as const;
    const bias = initializer({ name: "bias", dtype: "F32", dims: [4], data });
    output("y", op.Add(input("x", "F32", [4]), bias), "F32", [4]);
    const path = join(folder, "model.onnx");
    writeFileSync(path, await modelBytes(model()));

    const session = await openSession(await loadRuntime(), path, { device: "cpu" });
    const { y } = await session.run({ x: { dims: [4], values: [1, 1, 1, 2], dtype: "float32" } });
    expect(y?.values).toEqual(Float32Array.of(10, 9, 8, 8));
    await session.close();
  });

  it("tells which provider ran the nodes, and leaves no profile behind", async () => {
    const model = await additionModel();
    const session = await openSession(await loadRuntime(), model, { device: "cpu", profile: folder });
    await session.run(INPUTS);
    await session.run(INPUTS);
    const [share, ...others] = await session.nodeShares();
    expect(others).toEqual([]);
    expect(share).toMatchObject({ provider: "CPUExecutionProvider", share: 1 });
    expect(share?.operators).toEqual(expect.arrayContaining(["Add", "Cast"]));
    expect(share?.nodes).toBe(2 * (share?.operators.length ?? 0));
    expect(await session.nodeShares()).toEqual([share]);
    await session.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("leaves no profile behind when nobody asked for the shares", async () => {
    const model = await additionModel();
    const session = await openSession(await loadRuntime(), model, { device: "cpu", profile: folder });
    await session.run(INPUTS);
    await session.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("has no shares without a profile", async () => {
    const session = await openSession(await loadRuntime(), await additionModel(), { device: "cpu" });
    await expect(session.nodeShares()).rejects.toThrow("without a profile");
    await session.close();
  });
});

describe("opening", () => {
  it("does not fall back to the CPU from a device that is absent", async () => {
    const model = await additionModel();
    const opened = openSession(await loadRuntime(), model, { device: ABSENT, profile: folder });
    await expect(opened).rejects.toThrow(ABSENT);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("refuses bytes that are no graph", async () => {
    const opened = openSession(await loadRuntime(), Buffer.from("no graph"), { device: "cpu" });
    await expect(opened).rejects.toThrow();
  });
});
