import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { type GraphProto, ModelProtoSchema, type NodeProto, type TensorProto } from "onnx-buf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FULL } from "../../src/attention/variants.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { openWeights, type WeightReader } from "../../src/checkpoint/weight-reader.js";
import type { SourceTensor } from "../../src/model/names.js";
import { openModel } from "../../src/model/open.js";
import { createGraph } from "../../src/onnx/builder.js";
import { weightsIn } from "../../src/onnx/dtype-weights.js";
import { exportedGraphs } from "../../src/onnx/exported-graphs.js";
import { int8Weights } from "../../src/onnx/int8-weights.js";
import { rowCodes, rowScales } from "../../src/onnx/quantise.js";
import { modelBytes } from "../../src/onnx/writer.js";
import { FIXTURES } from "../support/fixtures.js";
import { runGraph } from "./graphs.js";

/** What 16 bits with a sign hold. */
const [LEAST, MOST] = [-(2 ** 15), 2 ** 15 - 1];

/** Weights that saturate with codes of 127 each: pairs of one sign and size, beside pairs of unlike ones. */
const WIDTH = 70;
const OUTPUTS = 33;
const hostile = Float32Array.from({ length: OUTPUTS * WIDTH }, (_, i) => {
  const [row, column] = [Math.floor(i / WIDTH), i % WIDTH];
  const sign = (row + Math.floor(column / 2)) % 5 === 0 ? -1 : 1;
  return sign * (row % 3 === 0 ? 1 : 1 - ((row * 31 + column * 17) % 64) / 100);
});

/** Inputs whose codes are themselves: whole numbers from −100 to 155, both of which are there. */
const TOKENS = 5;
const inputs = Float32Array.from({ length: TOKENS * WIDTH }, (_, i) =>
  i === 0 ? -100 : i % 4 === 3 ? ((i * 7919) % 256) - 100 : 155,
);
const ZERO_POINT = 100;

type Add = (sum: number, pair: number) => number;
const exactly: Add = (sum, pair) => sum + pair;
const saturating: Add = (sum, pair) => sum + Math.max(LEAST, Math.min(MOST, pair));

/** Σ (x + zero point) · code, the products of neighbours together as x86 without VNNI adds them. */
function sums(codes: Int8Array, add: Add): number[] {
  return Array.from({ length: TOKENS * OUTPUTS }, (_, i) => {
    const [token, row] = [Math.floor(i / OUTPUTS), i % OUTPUTS];
    const at = (column: number) =>
      ((inputs[token * WIDTH + column] ?? 0) + ZERO_POINT) * (codes[row * WIDTH + column] ?? 0);
    let sum = 0;
    for (let column = 0; column < WIDTH; column += 2) sum = add(sum, at(column) + at(column + 1));
    return sum;
  });
}

const scales = rowScales(hostile, WIDTH);
const codes = rowCodes(hostile, WIDTH, scales);

describe("8 bits on x86 without VNNI", () => {
  test("no sum of two products is beyond 16 bits", () => {
    expect(sums(codes, saturating)).toEqual(sums(codes, exactly));
  });

  test("with codes that fill the range alone these products would be wrong", () => {
    const plain = hostile.map((_, i) => {
      const row = hostile.subarray(Math.floor(i / WIDTH) * WIDTH, Math.floor(i / WIDTH + 1) * WIDTH);
      return Math.round(((hostile[i] ?? 0) / Math.max(...row.map(Math.abs))) * 127);
    });
    const expected = sums(Int8Array.from(plain), exactly);
    const found = sums(Int8Array.from(plain), saturating);
    expect(found.filter((sum, i) => sum !== expected[i]).length).toBeGreaterThan(expected.length / 2);
  });
});

/** A weight in memory. */
const tensor = (name: string, shape: readonly number[]) =>
  ({ name, sourceName: name, baseName: name, stored: { dtype: "F32", shape } }) as unknown as SourceTensor;
const readerOf = (values: Float32Array, width: number) =>
  ({
    values: async ({ start, count }: { start: number; count: number }) =>
      values.slice(start * width, (start + count) * width),
  }) as unknown as WeightReader;

function productGraph(weight: Float32Array, width: number, outputs: number) {
  const graph = createGraph("test");
  const x = graph.input("x", "F32", ["tokens", width]);
  const source = int8Weights(readerOf(weight, width));
  graph.output("y", source.linear(graph, tensor("w", [outputs, width]), x), "F32", ["tokens", outputs]);
  return graph.model();
}

describe("on this processor", () => {
  test("products are the integers' own", async () => {
    // Wider than it has outputs, a layer's inputs are divided by each token's largest one: not here.
    const [weight, rows] = [new Float32Array(WIDTH * WIDTH), WIDTH];
    weight.set(hostile);
    const found = await runGraph(productGraph(weight, WIDTH, rows), [...inputs], [TOKENS, WIDTH]);
    const codeSums = Array.from({ length: OUTPUTS }, (_, row) =>
      codes.subarray(row * WIDTH, (row + 1) * WIDTH).reduce((sum, code) => sum + code, 0),
    );
    sums(codes, exactly).forEach((sum, i) => {
      const [token, row] = [Math.floor(i / OUTPUTS), i % OUTPUTS];
      const product = sum - ZERO_POINT * (codeSums[row] ?? 0);
      expect(found[token * rows + row]).toBe(Math.fround(product * (scales[row] ?? 0)));
    });
  });

  /**
   * Processors round what comes before a product otherwise, by 1e-7 of it or so. An input that lies halfway between two
   * codes then gets the other one; and where the range itself moves, the zero point may, so that each input may change
   * by a step. So outputs lie apart by at most a step of the input times the sizes of its weights together.
   */
  test("what rounding changes in the inputs changes outputs by no more than a step of each", async () => {
    const width = 64;
    const weight = Float32Array.from({ length: width * width }, (_, i) => Math.sin(i * 12.9898));
    const x = Float32Array.from({ length: 8 * width }, (_, i) => Math.sin(i * 78.233) * 3);
    const moved = x.map((value, i) => value * (1 + (i % 2 === 0 ? 1e-6 : -1e-6)));
    const graph = productGraph(weight, width, width);
    const [a, b] = [await runGraph(graph, [...x], [8, width]), await runGraph(graph, [...moved], [8, width])];
    const step = (Math.max(...moved) - Math.min(...moved)) / 255;
    const sizes = Array.from({ length: width }, (_, row) =>
      weight.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + Math.abs(value), 0),
    );
    // Half a step more of each weight, which is what its own rounding may have added to its size.
    const rounding = (rowScales(weight, width)[0] ?? 0) * width;
    a.forEach((value, i) => {
      expect(Math.abs(value - (b[i] ?? 0))).toBeLessThanOrEqual(step * ((sizes[i % width] ?? 0) + rounding));
    });
  });
});

const types = readdirSync(FIXTURES).filter((type) => {
  try {
    return readdirSync(join(FIXTURES, type, "checkpoint")).includes("config.json");
  } catch {
    return false;
  }
});

describe.each(types)("%s", (type) => {
  let reader: WeightReader;
  const graphs = new Map<string, GraphProto>();
  beforeAll(async () => {
    const opened = openModel(await openFolder(join(FIXTURES, type, "checkpoint")));
    const model = await (await opened.model()).withModules();
    reader = await openWeights(model.checkpoint, () => ({}));
    for (const dtype of ["q8", "q4"] as const) {
      const made = exportedGraphs(model, weightsIn(dtype, reader, false), { attention: FULL, seed: 1 });
      for (const [name, graph] of made) {
        const { graph: proto } = fromBinary(ModelProtoSchema, await modelBytes(graph));
        if (proto) graphs.set(`${dtype} ${name}`, proto);
      }
    }
  });
  afterAll(() => reader.close());

  test("every integer product is of unsigned inputs and weights whose pairs fit", () => {
    expect(graphs.size).toBeGreaterThanOrEqual(2);
    let products = 0;
    for (const [name, graph] of graphs) {
      for (const product of productsOf(graph)) {
        products++;
        expect(255 * largestPair(product), `${name}: ${product.matrix.name}`).toBeLessThanOrEqual(MOST);
      }
    }
    expect(products).toBeGreaterThan(0);
  });
});

interface IntegerProduct {
  readonly matrix: TensorProto;
  /** Whether the elements that are added lie beside each other: of a table that is transposed. */
  readonly perOutput: boolean;
}

/** What MatMulInteger multiplies with, in a graph and its branches. */
function productsOf(graph: GraphProto): IntegerProduct[] {
  const initializers = new Map(graph.initializer.map((one) => [one.name, one]));
  const makers = new Map<string, NodeProto>();
  const nodes: NodeProto[] = [];
  const collect = ({ node }: GraphProto) => {
    for (const one of node) {
      nodes.push(one);
      for (const output of one.output) makers.set(output, one);
      for (const { g } of one.attribute) if (g) collect(g);
    }
  };
  collect(graph);
  return nodes
    .filter(({ opType }) => opType.includes("Integer") || opType.includes("QLinear"))
    .map(({ opType, input: [x = "", weight = ""] }) => {
      expect(opType).toBe("MatMulInteger");
      expect(makers.get(x)?.opType).toBe("DynamicQuantizeLinear");
      const maker = makers.get(weight);
      if (maker) expect(maker.opType).toBe("Transpose");
      const matrix = initializers.get(maker?.input[0] ?? weight);
      if (!matrix) throw new Error(`${weight} is no initializer`);
      return { matrix, perOutput: maker !== undefined };
    });
}

/** The most that codes of one sign have together, of those whose products are added: of inputs 0 and 1, 2 and 3 …. */
function largestPair({ matrix: { dims, rawData }, perOutput }: IntegerProduct): number {
  const codes = new Int8Array(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const [first = 0, second = 0] = dims.map(Number);
  const [count, outputs] = perOutput ? [second, first] : [first, second];
  const [next, step] = perOutput ? [1, count] : [outputs, 1];
  let largest = 0;
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < count; input += 2) {
      const at = input * next + output * step;
      const a = codes[at] as number;
      const b = input + 1 < count ? (codes[at + next] as number) : 0;
      largest = Math.max(largest, a > 0 === b > 0 ? Math.abs(a + b) : Math.max(Math.abs(a), Math.abs(b)));
    }
  }
  return largest;
}
