import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGraph, type OnnxModel, type TensorData } from "../../src/onnx/builder.js";
import { modelBytes, writeModel } from "../../src/onnx/writer.js";
import { inline, runSession } from "./graphs.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lsg-writer-"));
});
afterAll(() => rm(folder, { recursive: true }));

const ROWS = 600;
const weights = Float32Array.from({ length: ROWS }, (_, i) => i);

/** y = x · weight + bias, with a weight large enough to go outside and a bias that stays. */
function linear(weight: TensorData): OnnxModel {
  const graph = createGraph("linear");
  const { op } = graph;
  const x = graph.input("x", "F32", [1, ROWS]);
  const product = op.MatMul(
    x,
    graph.initializer({ name: "weight", dtype: "F32", dims: [ROWS, 1], data: weight }),
  );
  const bias = graph.initializer({ name: "bias", dtype: "F32", dims: [1], data: inline([0.5]) });
  graph.output("y", op.Add(product, bias), "F32", [1, 1]);
  return graph.model();
}

/** The bytes in small chunks, as a file is read. */
function source(bytes: Uint8Array, length = bytes.length): TensorData {
  async function* stream() {
    for (let i = 0; i < bytes.length; i += 100) yield bytes.subarray(i, i + 100);
  }
  return { kind: "source", length, stream };
}

const bytes = new Uint8Array(weights.buffer);
const x = Array.from({ length: ROWS }, (_, i) => (i === 7 ? 1 : 0));

async function result(path: string): Promise<number[]> {
  return runSession(await ort.InferenceSession.create(path, { logSeverityLevel: 3 }), x, [1, ROWS]);
}

describe("writeModel", () => {
  it("embeds streamed weights", async () => {
    const path = join(folder, "embedded.onnx");
    expect(await writeModel(path, linear(source(bytes)))).toEqual([path]);
    expect(await result(path)).toEqual([7.5]);
  });

  it("puts weights beside the graph when asked, small ones excepted", async () => {
    const path = join(folder, "external.onnx");
    expect(await writeModel(path, linear(source(bytes)), { weights: "external" })).toEqual([
      path,
      `${path}_data`,
    ]);
    expect(await result(path)).toEqual([7.5]);
    expect((await readFile(`${path}_data`)).equals(bytes)).toBe(true);
  });

  it("points into a file that is there already, at any offset", async () => {
    await writeFile(join(folder, "weights.bin"), Buffer.concat([Buffer.alloc(3), bytes]));
    const path = join(folder, "shared.onnx");
    const data = { kind: "external", location: "weights.bin", offset: 3, length: bytes.length } as const;
    expect(await writeModel(path, linear(data))).toEqual([path]);
    expect(await result(path)).toEqual([7.5]);
  });

  it("aligns every tensor of a data file", async () => {
    const graph = createGraph("two");
    const input = graph.input("x", "F32", [1]);
    const data = source(bytes.subarray(0, 1028));
    const [a, b] = ["a", "b"].map((name) => graph.initializer({ name, dtype: "F32", dims: [257], data }));
    if (a && b) graph.output("y", graph.op.Add(graph.op.Add(a, b), input), "F32", [257]);
    const path = join(folder, "aligned.onnx");
    await writeModel(path, graph.model(), { weights: "external" });
    const { graph: read } = fromBinary(ModelProtoSchema, await readFile(path));
    const offsets = read?.initializer.map((tensor) =>
      Number(tensor.externalData.find(({ key }) => key === "offset")?.value),
    );
    expect(offsets).toEqual([0, 1088]);
  });

  it("goes outside by itself where one file would be longer than a message may be", async () => {
    const tooLong = { kind: "source", length: 2 ** 31, stream: () => stopEarly() } as const;
    async function* stopEarly(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(8);
    }
    const path = join(folder, "large.onnx");
    await expect(writeModel(path, linear(tooLong))).rejects.toThrow("weight: 8 of 2147483648 bytes");
    expect(await readdir(folder)).toContain("large.onnx_data");
    await expect(writeModel(path, linear(tooLong), { weights: "embedded" })).rejects.toThrow(RangeError);
  });

  it.each([
    ["ends early", bytes.length + 1, /2400 of 2401 bytes/],
    ["goes on", bytes.length - 1, /more than 2399 bytes/],
  ])("refuses a source that %s", async (name, length, message) => {
    const path = join(folder, `${name}.onnx`);
    await expect(writeModel(path, linear(source(bytes, length)))).rejects.toThrow(message);
  });

  it("writes the same bytes for the same model", async () => {
    const [first, second] = [
      await modelBytes(linear(source(bytes))),
      await modelBytes(linear(inline([...weights]))),
    ];
    expect(Buffer.compare(first, second)).toBe(0);
    expect(Buffer.from(first).includes(basename(folder))).toBe(false);
  });
});

it("writes initializers that any protobuf reader finds again", async () => {
  const tensor = fc.uint8Array({ maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(fc.array(tensor, { maxLength: 5 }), async (tensors) => {
      const graph = createGraph("any");
      tensors.forEach((data, i) => {
        graph.initializer({ name: `t.${i}`, dtype: "U8", dims: [data.length], data: source(data) });
      });
      const { graph: read } = fromBinary(ModelProtoSchema, await modelBytes(graph.model()));
      expect(
        read?.initializer.map(({ name, dims, rawData }) => [name, dims.map(Number), [...rawData]]),
      ).toEqual(tensors.map((data, i) => [`t.${i}`, [data.length], [...data]]));
    }),
  );
});
