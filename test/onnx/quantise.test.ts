import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import type { SourceTensor } from "../../src/model/names.js";
import { createGraph, type TensorData } from "../../src/onnx/builder.js";
import {
  BLOCK_SIZE,
  blockCodes,
  blockScales,
  blocksIn,
  packNibbles,
  requireFinite,
  rowCodes,
  rowScales,
} from "../../src/onnx/quantise.js";
import { inline, open, runGraph } from "./graphs.js";

const bytes = (data: Uint8Array): TensorData => ({ kind: "inline", bytes: data });

/** Rows of float32 numbers, all of one width. */
const rows = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 70 }))
  .chain(([count, width]) =>
    fc.record({
      width: fc.constant(width),
      values: fc
        .array(fc.float({ min: -1000, max: 1000, noNaN: true }), {
          minLength: count * width,
          maxLength: count * width,
        })
        .map((values) => Float32Array.from(values)),
    }),
  );

describe("8 bits", () => {
  test("the largest element of a row gets the largest code, with its sign", () => {
    const values = Float32Array.of(0.5, -2, 1, 0, 127, 1);
    const scales = rowScales(values, 3);
    expect([...scales]).toEqual([Math.fround(2 / 127), 1]);
    expect([...rowCodes(values, 3, scales)]).toEqual([32, -127, 64, 0, 127, 1]);
  });

  test("two neighbours of one sign share it", () => {
    const values = Float32Array.of(-3, -1, 1, 3, 3, 1, 1, -3);
    const scales = rowScales(values, 4);
    expect([...scales]).toEqual([Math.fround(4 / 127), Math.fround(4 / 127)]);
    expect([...rowCodes(values, 4, scales)]).toEqual([-95, -32, 32, 95, 95, 32, 32, -95]);
  });

  test("together they are at most 128", () => {
    fc.assert(
      fc.property(rows, ({ values, width }) => {
        const codes = rowCodes(values, width, rowScales(values, width));
        for (let i = 0; i < codes.length; i++) {
          if (i % width === width - 1 || (i % width) % 2 === 1) continue;
          const [a = 0, b = 0] = codes.subarray(i, i + 2);
          if (a * b > 0) expect(Math.abs(a + b)).toBeLessThanOrEqual(128);
        }
      }),
    );
  });

  test("a row of zeros stays zero", () => {
    const values = new Float32Array(4);
    expect([...rowCodes(values, 4, rowScales(values, 4))]).toEqual([0, 0, 0, 0]);
  });

  test("gives every number back to half a step", () => {
    fc.assert(
      fc.property(rows, ({ values, width }) => {
        const scales = rowScales(values, width);
        rowCodes(values, width, scales).forEach((code, i) => {
          const scale = scales[Math.floor(i / width)] ?? 0;
          expect(Math.abs(code * scale - (values[i] ?? 0))).toBeLessThanOrEqual(scale * 0.50001);
        });
      }),
    );
  });
});

describe("4 bits", () => {
  test("a block goes from its least to its greatest element in 15 steps", () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? -5 : i === 1 ? 10 : i % 3));
    const { scales, zeroPoints } = blockScales(values, 32);
    expect([...scales]).toEqual([1]);
    expect([...zeroPoints]).toEqual([5]);
    const codes = blockCodes(values, 32, { scales, zeroPoints });
    expect([...codes.subarray(0, 3)]).toEqual([0xf0, 0x57, 0x76]);
  });

  test("a row with an odd number of blocks ends with half a byte", () => {
    expect([...packNibbles(Uint8Array.of(1, 2, 3, 4, 5, 6), 3)]).toEqual([0x21, 0x03, 0x54, 0x06]);
  });

  test.each([1, 31, 32, 33, 100])("ONNX Runtime reads %i columns as they are meant", async (width) => {
    const outputs = 3;
    const values = Float32Array.from({ length: outputs * width }, (_, i) => Math.sin(i * 12.9898) * 3);
    const block = blockScales(values, width);
    const blocks = blocksIn(width);
    const graph = createGraph("test");
    const x = graph.input("x", "F32", [width, width]);
    const B = graph.initializer({
      name: "B",
      dtype: "U8",
      dims: [outputs, blocks, BLOCK_SIZE / 2],
      data: bytes(blockCodes(values, width, block)),
    });
    const scales = graph.initializer({
      name: "scales",
      dtype: "F32",
      dims: [block.scales.length],
      data: inline([...block.scales]),
    });
    const zeroPoints = packNibbles(block.zeroPoints, blocks);
    const zeros = graph.initializer({
      name: "zeros",
      dtype: "U8",
      dims: [zeroPoints.length],
      data: bytes(zeroPoints),
    });
    const attributes = { K: width, N: outputs, bits: 4, block_size: BLOCK_SIZE };
    graph.output("y", graph.op.MatMulNBits(x, B, scales, zeros, attributes), "F32", [width, outputs]);
    const identity = Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? 1 : 0));
    const columns = await runGraph(graph.model(), identity, [width, width]);
    columns.forEach((value, i) => {
      const [column, row] = [Math.floor(i / outputs), i % outputs];
      const scale = block.scales[row * blocks + Math.floor(column / BLOCK_SIZE)] ?? 0;
      // Zero points are rounded, so that the ends of a block's range may be cut by half a step more.
      expect(Math.abs(value - (values[row * width + column] ?? 0))).toBeLessThanOrEqual(scale * 1.0001);
    });
  });

  test("zero stays zero, whatever else is in its block", () => {
    fc.assert(
      fc.property(rows, ({ values, width }) => {
        values[0] = 0;
        const { scales, zeroPoints } = blockScales(values, width);
        const [first = 0] = blockCodes(values, width, { scales, zeroPoints });
        expect(first & 15).toBe(zeroPoints[0]);
      }),
    );
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("a weight of %d has no scale", (value) => {
  const tensor = { sourceName: "layer.weight" } as SourceTensor;
  expect(() => requireFinite(Float32Array.of(1, value), tensor)).toThrow(
    /tensor "layer\.weight" holds (NaN|Infinity), which cannot be quantised/,
  );
});

test("what is made once is made again in the other branch", async () => {
  const graph = createGraph("test");
  const { op } = graph;
  const x = graph.input("x", "F32", [2]);
  const twice = () => graph.once("twice", () => op.Add(x, x));
  const isLarge = op.Greater(op.Shape(x), [1]);
  const [result] = op.If(
    op.Squeeze(isLarge, [0]),
    () => [op.Add(twice(), twice())],
    () => [twice()],
  );
  graph.output("y", op.Add(result, twice()), "F32", [2]);
  const model = graph.model();
  const session = await open(model);
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2), [2]) });
  expect(Array.from((y?.data ?? []) as Float32Array)).toEqual([6, 12]);
  const sums = model.proto.graph?.node.filter((node) => node.opType === "Add").length;
  expect(sums).toBe(2);
});
